import { Context, Json, start } from "wasmfaas";

// {"name": "Ada"} -> {"greeting": "Hello, Ada!"}
function hello(event: Json, context: Context): Json {
  const name = event.get("name").string("world");
  console.log(`greeting ${name}, ${context.remainingMs} ms left`);
  return Json.object().set("greeting", `Hello, ${name}!`);
}

start(hello);
