// META: title=Fetch: bodies as streams
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const decode = (chunk) => new TextDecoder().decode(chunk);

for (const origin of [TEST_ORIGIN, CROSS_SITE]) {
  const where = origin === TEST_ORIGIN ? "the same origin" : "another origin";
  promise_test(async () => {
    const gate = newToken();
    const response = await fetch(respond(origin, { header: ALLOW_ALL, "hold-body": gate, body: "abcd" }));
    const reader = response.body.getReader();
    assert_equals(decode((await reader.read()).value), "ab", "what has come can be read");
    await release(gate);
    assert_equals(decode((await reader.read()).value), "cd");
    assert_true((await reader.read()).done);
  }, `A body is read as it comes: ${where}`);

  promise_test(async (t) => {
    const response = await fetch(respond(origin, { header: ALLOW_ALL, size: 1000000 }));
    let size = 0;
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.length;
    }
    assert_equals(size, 1000000);
  }, `All of a body comes: ${where}`);
}

promise_test(async (t) => {
  const response = await fetch(respond(TEST_ORIGIN, { body: "text" }));
  assert_false(response.bodyUsed);
  assert_equals(await response.text(), "text");
  assert_true(response.bodyUsed);
  await rejects(t, response.text());
  assert_throws_js(TypeError, () => response.clone());
}, "A body is read once");

promise_test(async (t) => {
  const response = await fetch(respond(TEST_ORIGIN, { body: "text" }));
  response.body.getReader();
  await rejects(t, response.text());
}, "A body with a reader is not read otherwise");

promise_test(async () => {
  const response = await fetch(respond(CROSS_SITE, { header: ALLOW_ALL, body: "text" }));
  const copy = response.clone();
  assert_equals(copy.type, "cors");
  assert_equals(await response.text(), "text");
  assert_equals(await copy.text(), "text");
}, "A copy has a body of its own");

for (const [method, read] of [
  ["arrayBuffer", async (body) => decode(body)],
  ["blob", (body) => body.text()],
  ["json", async (body) => JSON.stringify(body)],
  ["text", async (body) => body],
]) {
  promise_test(async () => {
    const response = await fetch(respond(CROSS_SITE, { header: ALLOW_ALL, body: "[1,2]", type: "application/json" }));
    assert_equals(await read(await response[method]()), "[1,2]");
  }, `${method}() of a response of another origin`);
}

promise_test(async (t) => {
  const response = await fetch(handler(CROSS_SITE, "broken.py", { kind: "cut-body", header: ALLOW_ALL }));
  assert_equals(response.status, 200);
  await rejects(t, response.text());
}, "A body that ends early is an error");

promise_test(async (t) => {
  const response = await fetch(handler(CROSS_SITE, "broken.py", { kind: "bad-chunk", header: ALLOW_ALL }));
  await rejects(t, response.text());
}, "A body with a bad chunk is an error");
