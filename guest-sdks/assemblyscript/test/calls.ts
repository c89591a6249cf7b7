// What test/sdk.test.js asks of the SDK beside the samples.
import {
  Context, FetchOptions, HttpRequest, HttpResponse, Json, call, fetch, invoke, kv, secrets, start,
} from "wasmfaas";

function calls(event: Json, context: Context): Json {
  const what = event.get("do").string();
  if (what == "fetch") {
    const options = new FetchOptions().header("x-a", "b");
    options.method = "PUT";
    options.timeoutMs = 5000;
    const answer = fetch("http://example.com/", options);
    if (answer.failed) return context.pass(answer);
    return Json.object().set("status", answer.status).set("text", answer.text)
      .set("type", answer.header("content-type"));
  }
  if (what == "kv") {
    const stored = kv.setText("a", "1", 1000, 0, "space");
    const removed = kv.remove("a");
    return Json.object().set("version", stored.version).set("deleted", removed.deleted)
      .set("keys", kv.list("p").keys);
  }
  if (what == "invoke") return invoke("other", Json.array().push(1)).payload;
  if (what == "secret") return Json.of(secrets.get("name").text);
  if (what == "other") {
    const answer = call("some.thing", Json.object().set("n", -1.5).set("big", i64.MIN_VALUE));
    return answer.failed ? context.pass(answer) : answer.json;
  }
  if (what == "http") {
    const request = new HttpRequest(event);
    return new HttpResponse(202).cookie("a=b").json(Json.of([request.parameter("q"), request.text])).answer;
  }
  if (what == "integer") {
    const value = event.get("value");
    return Json.of(value.isInteger ? value.integer() + 1 : -1);
  }
  return event;
}

start(calls);
