// The hello of `examples/hello-python`, in JavaScript, for workerd.
export default {
  async fetch(request) {
    const name = new URL(request.url).searchParams.get("name") ?? "world";
    const body = JSON.stringify({ greeting: `Hello, ${name}!`, requestId: "none" });
    return new Response(body, { headers: { "content-type": "application/json" } });
  },
};
