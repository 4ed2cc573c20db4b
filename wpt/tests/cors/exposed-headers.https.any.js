// META: title=CORS: which header fields of a response a page sees
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const SAFE = ["Cache-Control", "Content-Language", "Content-Type", "Expires", "Last-Modified", "Pragma"];

promise_test(async () => {
  const response = await fetch(respond(CROSS_SITE, { header: [ALLOW_ALL, ...SAFE.map((name) => `${name}:x/y`)], body: "text" }));
  for (const name of SAFE) {
    assert_equals(response.headers.get(name), "x/y", name);
  }
  assert_equals(response.headers.get("content-length"), "4");
}, "Those that are safe are seen");

for (const name of ["X-Custom", "ETag", "Server-Timing", "Date", "Location", "Access-Control-Allow-Origin"]) {
  promise_test(async () => {
    const header = name === "Access-Control-Allow-Origin" ? [ALLOW_ALL] : [ALLOW_ALL, `${name}:x`];
    const response = await fetch(respond(CROSS_SITE, { header }));
    assert_false(response.headers.has(name));
  }, `Others are not: ${name}`);
}

for (const [title, fields, names] of [
  ["one", [exposing("x-a")], ["x-a"]],
  ["two in a list", [exposing("x-a, x-b")], ["x-a", "x-b"]],
  ["two in fields of their own", [exposing("x-a"), exposing("x-b")], ["x-a", "x-b"]],
  ["in other case", [exposing("X-A")], ["x-a"]],
  ["with empty members", [exposing(",x-b,,")], ["x-b"]],
  ["all", [exposing("*")], ["x-a", "x-b"]],
]) {
  promise_test(async () => {
    const response = await fetch(respond(CROSS_SITE, { header: [ALLOW_ALL, "X-A:1", "X-B:2", ...fields] }));
    for (const name of ["x-a", "x-b"]) {
      assert_equals(response.headers.has(name), names.includes(name), name);
    }
  }, `Exposed: ${title}`);
}

promise_test(async () => {
  const header = [ALLOW_TEST, ALLOW_CREDENTIALS, "X-A:1", exposing("*")];
  const response = await fetch(respond(CROSS_SITE, { header }), { credentials: "include" });
  assert_false(response.headers.has("x-a"));
}, "With credentials a star exposes nothing");

for (const value of ["*", "set-cookie, set-cookie2"]) {
  promise_test(async () => {
    const header = [ALLOW_ALL, "Set-Cookie:a=1", "Set-Cookie2:a=1", exposing(value)];
    const response = await fetch(respond(CROSS_SITE, { header }));
    assert_false(response.headers.has("set-cookie"));
    assert_false(response.headers.has("set-cookie2"));
    assert_array_equals(response.headers.getSetCookie(), []);
  }, `Cookies are never exposed: ${value}`);
}

promise_test(async () => {
  const response = await fetch(respond(TEST_ORIGIN, { header: ["X-A:1", "ETag:x"] }));
  assert_equals(response.headers.get("x-a"), "1");
  assert_equals(response.headers.get("etag"), "x");
}, "Of the same origin all are seen");

promise_test(async () => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(CROSS_SITE, { header: [ALLOW_ALL, "X-A:1", "X-B:2", exposing("x-a")] }));
  await new Promise((resolve) => {
    xhr.onload = resolve;
    xhr.send();
  });
  assert_equals(xhr.getResponseHeader("x-a"), "1");
  assert_equals(xhr.getResponseHeader("x-b"), null);
  assert_false(/^x-b:/im.test(xhr.getAllResponseHeaders()));
}, "XMLHttpRequest sees the same");
