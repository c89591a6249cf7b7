import { Context, Json, start } from "wasmfaas";

// {"name": "Ada"} -> {"greeting": "Hello, Ada!"}
export function hello(event: Json, context: Context): Json {
  const name = event.get("name");
  if (!name.isString) return context.fail("BadEvent", 'the event needs a string "name"');
  return Json.object().set("greeting", `Hello, ${name.string()}!`);
}

start(hello);
