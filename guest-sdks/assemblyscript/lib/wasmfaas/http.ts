import { Json, base64, unbase64 } from "./json";

/** The request in the event of a function URL. */
export class HttpRequest {
  constructor(readonly event: Json) {}

  /** Whether an event is one of a function URL. */
  static is(event: Json): bool {
    return event.get("requestContext").has("http");
  }

  get method(): string { return this.event.get("requestContext").get("http").get("method").string("GET"); }
  get path(): string { return this.event.get("rawPath").string("/"); }
  get query(): string { return this.event.get("rawQueryString").string(); }
  get sourceIp(): string { return this.event.get("requestContext").get("http").get("sourceIp").string(); }

  /** A header, its name in small letters; empty where there is none. */
  header(name: string): string {
    return this.event.get("headers").get(name).string();
  }

  /** A parameter of the query; empty where there is none. */
  parameter(name: string): string {
    return this.event.get("queryStringParameters").get(name).string();
  }

  /** `name=value` of each. */
  get cookies(): string[] {
    const found = this.event.get("cookies").items;
    const cookies: string[] = [];
    for (let index = 0; index < found.length; index++) cookies.push(found[index].string());
    return cookies;
  }

  /** The body; empty where its base64 is broken. */
  get body(): Uint8Array {
    const body = this.event.get("body");
    if (!this.event.get("isBase64Encoded").boolean()) return body.bytes();
    const bytes = unbase64(body.string());
    return bytes === null ? new Uint8Array(0) : bytes;
  }

  get text(): string {
    const bytes = this.body;
    return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length);
  }

  /** The body, read as JSON; null where it is none. */
  get json(): Json | null {
    return Json.read(this.body);
  }
}

/** The answer of a function URL: `return new HttpResponse(404).text("no such page").answer`. */
export class HttpResponse {
  private headers: Json = Json.object();
  private cookies: Json = Json.array();
  private body: string = "";
  private encoded: bool = false;

  constructor(readonly status: i32 = 200) {}

  header(name: string, value: string): HttpResponse {
    this.headers.set(name, value);
    return this;
  }

  /** A cookie as Set-Cookie has it: `name=value; Secure`. */
  cookie(cookie: string): HttpResponse {
    this.cookies.push(cookie);
    return this;
  }

  text(body: string, type: string = "text/plain; charset=utf-8"): HttpResponse {
    this.body = body;
    this.encoded = false;
    return this.header("content-type", type);
  }

  json(body: Json): HttpResponse {
    return this.text(body.toString(), "application/json");
  }

  bytes(body: Uint8Array, type: string = "application/octet-stream"): HttpResponse {
    this.body = base64(body);
    this.encoded = true;
    return this.header("content-type", type);
  }

  /** What a handler returns. */
  get answer(): Json {
    const answer = Json.object().set("statusCode", this.status).set("headers", this.headers)
      .set("body", this.body).set("isBase64Encoded", this.encoded);
    return this.cookies.items.length > 0 ? answer.set("cookies", this.cookies) : answer;
  }
}
