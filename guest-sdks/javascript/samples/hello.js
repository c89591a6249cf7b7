// {"name": "Ada"} -> {"greeting": "Hello, Ada!"}
class BadEvent extends Error {
  name = "BadEvent";
}

export async function handler(event) {
  if (typeof event?.name !== "string") throw new BadEvent('the event needs a string "name"');
  return { greeting: `Hello, ${event.name}!` };
}
