// META: title=User-enabled CORS: fetch(): responses that the user lets a page read
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js

for (const status of [200, 201, 204, 206, 301, 304, 400, 403, 404, 405, 410, 418, 429, 451, 500, 503]) {
  promise_test(async () => {
    const hasBody = status !== 204 && status !== 304;
    const response = await fetch(respond(ANSWERS.once, hasBody ? { status, body: "text" } : { status }));
    assert_equals(response.type, "cors");
    assert_equals(response.status, status);
    assert_equals(response.ok, status < 300);
    assert_equals(await response.text(), hasBody ? "text" : "");
  }, `Status ${status}`);
}

promise_test(async () => {
  const url = respond(ANSWERS.once, { body: "text" });
  const response = await fetch(`${url}#fragment`);
  assert_equals(response.url, url);
  assert_false(response.redirected);
}, "Its URL");

for (const [method, read] of [
  ["arrayBuffer", async (body) => new TextDecoder().decode(body)],
  ["blob", (body) => body.text()],
  ["json", async (body) => JSON.stringify(body)],
  ["text", async (body) => body],
]) {
  promise_test(async () => {
    const response = await fetch(respond(ANSWERS.once, { body: "[1,2]", type: "application/json" }));
    assert_equals(await read(await response[method]()), "[1,2]");
  }, `Its body by ${method}()`);
}

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { body: "text" }));
  const copy = response.clone();
  assert_equals(await response.text(), "text");
  assert_equals(await copy.text(), "text");
}, "A copy of it");

promise_test(async () => {
  const response = await fetch(new Request(respond(ANSWERS.once, { body: "text" })));
  assert_equals(await response.text(), "text");
}, "The response to a Request object");

for (const size of [256 * 1024, 256 * 1024 + 1, 3000000]) {
  promise_test(async () => {
    const response = await fetch(respond(ANSWERS.once, { size }));
    assert_equals((await response.arrayBuffer()).byteLength, size);
  }, `A body of ${size} bytes`);
}

promise_test(async () => {
  const token = newToken();
  const response = await fetch(respond(ANSWERS.once, { "hold-body": token, body: "abcd" }));
  const reader = response.body.getReader();
  await release(token);
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += new TextDecoder().decode(read.value);
  }
  assert_equals(text, "abcd");
}, "A body that comes while and after the user thinks");
