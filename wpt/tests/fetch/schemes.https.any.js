// META: title=Fetch: schemes that are no HTTP
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

for (const [url, type, text] of [
  ["data:,text", "text/plain;charset=US-ASCII", "text"],
  ["data:text/html,%3Cp%3E", "text/html", "<p>"],
  ["data:text/plain;base64,dGV4dA==", "text/plain", "text"],
  ["data:text/plain;charset=utf-8,%C3%A9", "text/plain;charset=utf-8", "é"],
  ["data:,a#fragment", "text/plain;charset=US-ASCII", "a"],
]) {
  promise_test(async () => {
    const response = await fetch(url);
    assert_equals(response.status, 200);
    assert_equals(response.type, "basic");
    assert_equals(response.headers.get("content-type"), type);
    assert_equals(await response.text(), text);
  }, `A data: URL: ${url}`);
}

promise_test(async () => {
  const response = await fetch("data:,text", { method: "POST", body: "x" });
  assert_equals(await response.text(), "text");
}, "A data: URL whatever the method");

for (const url of ["data:no-comma", "data:text/plain;base64,=", "about:unknown", "other:x", "mailto:a@b.example", "javascript:1"]) {
  promise_test((t) => rejects(t, fetch(url)), `Nothing to fetch: ${url}`);
}

promise_test(async () => {
  const url = URL.createObjectURL(new Blob(["text"], { type: "text/x" }));
  const response = await fetch(url);
  assert_equals(response.status, 200);
  assert_equals(response.type, "basic");
  assert_equals(response.url, url);
  assert_equals(response.headers.get("content-type"), "text/x");
  assert_equals(response.headers.get("content-length"), "4");
  assert_equals(await response.text(), "text");
}, "A blob: URL");

promise_test(async (t) => {
  const url = URL.createObjectURL(new Blob(["text"]));
  URL.revokeObjectURL(url);
  await rejects(t, fetch(url));
}, "A blob: URL that was revoked");

promise_test(async (t) => {
  const url = URL.createObjectURL(new Blob(["text"]));
  await rejects(t, fetch(url, { method: "POST" }));
}, "A blob: URL is for GET");

promise_test(async () => {
  const url = URL.createObjectURL(new Blob(["0123456789"]));
  const response = await fetch(url, { headers: { Range: "bytes=2-4" } });
  assert_equals(response.status, 206);
  assert_equals(response.headers.get("content-range"), "bytes 2-4/10");
  assert_equals(await response.text(), "234");
}, "A range of a blob: URL");
