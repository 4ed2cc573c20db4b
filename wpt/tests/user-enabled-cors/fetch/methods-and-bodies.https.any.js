// META: title=User-enabled CORS: fetch(): methods and bodies
// META: script=/user-enabled-cors/resources/servers.sub.js

for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
  promise_test(async () => {
    const token = newToken();
    const response = await fetch(respond(ANSWERS.once, { token, body: "text" }), { method });
    assert_equals(response.status, 200);
    assert_equals(response.type, "cors");
    assert_equals(await response.text(), method === "HEAD" ? "" : "text");
    const records = (await seen(token)).filter((record) => !record.isPreflight);
    assert_array_equals(records.map((record) => record.method), [method], "it is sent once");
  }, `${method} is read if the user allows it`);

  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(ANSWERS.notNow, { token, body: "text" }), { method }));
    const isSimple = ["GET", "HEAD", "POST"].includes(method);
    assert_equals((await seen(token)).filter((record) => !record.isPreflight).length, isSimple ? 1 : 0);
  }, `${method} fails if the user declines`);
}

const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
for (const [title, body, length, type] of [
  ["text", () => "é", 2, /^text\/plain;charset=UTF-8$/],
  ["an empty text", () => "", 0, /^text\/plain;charset=UTF-8$/],
  ["bytes", () => bytes, 256, null],
  ["a buffer", () => bytes.buffer, 256, null],
  ["a blob", () => new Blob([bytes], { type: "image/x" }), 256, /^image\/x$/],
  ["parameters", () => new URLSearchParams("a=1&b=2"), 7, /^application\/x-www-form-urlencoded;charset=UTF-8$/],
  ["a large text", () => "x".repeat(1000000), 1000000, /^text\/plain/],
]) {
  for (const method of ["POST", "PUT"]) {
    promise_test(async () => {
      const token = newToken();
      await fetch(respond(ANSWERS.once, { token }), { method, body: body() });
      const records = (await seen(token)).filter((record) => !record.isPreflight);
      assert_equals(records.length, 1);
      assert_equals(records[0].method, method);
      assert_equals(records[0].bodyLength, length);
      if (type) {
        assert_regexp_match(headerOf(records[0], "content-type"), type);
      } else {
        assert_equals(headerOf(records[0], "content-type"), null);
      }
    }, `The body of a ${method} arrives as it is: ${title}`);
  }
}

promise_test(async () => {
  const token = newToken();
  const body = new FormData();
  body.append("name", "value");
  body.append("file", new Blob(["content"]), "name.txt");
  await fetch(respond(ANSWERS.once, { token }), { method: "POST", body });
  const [record] = await seen(token);
  assert_true(record.body.includes("name=\"file\"; filename=\"name.txt\""));
  assert_true(record.body.includes("content"));
}, "A form with a file is uploaded");
