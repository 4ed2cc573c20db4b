// META: title=User-enabled CORS: which header fields a page sees
// META: script=/user-enabled-cors/resources/servers.sub.js

for (const name of [
  "X-Custom", "ETag", "Server", "Date", "Link", "Location", "Retry-After", "X-RateLimit-Remaining", "Content-Range", "Age", "Via",
  "Strict-Transport-Security", "Content-Security-Policy", "Server-Timing", "Cache-Control", "Content-Language", "Set-Login",
  "Accept-Ranges", "Proxy", "WWW-Authenticate-Info",
]) {
  promise_test(async () => {
    const response = await fetch(respond(ANSWERS.once, { header: `${name}:value` }));
    assert_equals(response.headers.get(name), "value");
  }, `Exposed: ${name}`);
}

for (const name of [
  "Set-Cookie", "Set-Cookie2", "WWW-Authenticate", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Status", "Proxy-Connection",
  "Proxy-Custom",
]) {
  for (const expose of [null, name, "*"]) {
    promise_test(async () => {
      const header = [`${name}:value`, "X-Custom:1", ...(expose ? [exposing(expose)] : [])];
      const response = await fetch(respond(ANSWERS.once, { header }));
      assert_equals(response.headers.get("x-custom"), "1", "others are exposed");
      assert_false(response.headers.has(name));
      assert_false([...response.headers.keys()].includes(name.toLowerCase()));
    }, `Not exposed: ${name}${expose ? `, with Access-Control-Expose-Headers: ${expose}` : ""}`);
  }
}

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { header: ["X-B:1", "X-A:2", "X-B:3"] }));
  assert_equals(response.headers.get("x-b"), "1, 3");
  const names = [...response.headers.keys()];
  assert_array_equals(names, [...names].sort());
}, "Fields of one name are combined, and sorted");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { header: [exposing("x-a"), "X-A:1", "X-B:2"] }));
  assert_equals(response.headers.get("x-b"), "2");
}, "Access-Control-Expose-Headers of a silent server takes nothing away");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once));
  assert_throws_js(TypeError, () => response.headers.set("X-Custom", "1"));
}, "They cannot be changed");
