// META: title=CORS: which requests need a preflight
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

// Makes a request to a server that allows the response to everybody, and by its preflight nothing.
async function isPreflighted(init) {
  const token = newToken();
  const url = respond(CROSS_SITE, { header: ALLOW_ALL, token });
  const isRead = await fetch(url, init).then(() => true, () => false);
  const [first] = await seen(token);
  assert_equals(isRead, !first.isPreflight, "what needs a preflight fails here, and nothing else");
  return first.isPreflight;
}

const value = (length) => "a".repeat(length);

for (const [name, values] of Object.entries({
  Accept: ["text/html", "*/*;q=0.5", value(128)],
  "Accept-Language": ["de", "de-AT, en;q=0.5, *", value(128)],
  "Content-Language": ["de, en", value(128)],
  "Content-Type": [
    "text/plain",
    "TEXT/Plain",
    "text/plain;charset=utf-8",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    `text/plain;x=${value(115)}`,
  ],
})) {
  for (const value of values) {
    const shown = value.length > 40 ? `${value.length} bytes` : value;
    promise_test(async () => {
      assert_false(await isPreflighted({ method: "POST", headers: { [name]: value } }));
    }, `No preflight: ${name}: ${shown}`);
  }
}

for (const [name, values] of Object.entries({
  Accept: ["a\"", "a(", "a)", "a:", "a<", "a>", "a?", "a@", "a[", "a\\", "a]", "a{", "a}", "a\x7f", value(129)],
  "Accept-Language": ["de_AT", "a@b", "\"de\"", "a/b", value(129)],
  "Content-Language": ["de+en", "(de)", value(129)],
  "Content-Type": [
    "application/json",
    "text/html",
    "text/plainer",
    "text",
    "text/plain, text/html",
    "text/plain;x=\"y\"",
    "",
    `text/plain;x=${value(116)}`,
  ],
  "X-Custom": ["1", ""],
  Authorization: ["Basic eDp5"],
  "If-None-Match": ["\"1\""],
  "Cache-Control": ["no-store"],
})) {
  for (const value of values) {
    const shown = value.length > 40 ? `${value.length} bytes` : JSON.stringify(value).replace("\x7f", "\\x7f");
    promise_test(async () => {
      assert_true(await isPreflighted({ method: "POST", headers: { [name]: value } }));
    }, `A preflight: ${name}: ${shown}`);
  }
}

for (const [range, isSafe] of [
  ["bytes=0-9", true],
  ["bytes=5-", true],
  ["bytes=-5", false],
  ["bytes=0-1,3-4", false],
  ["lines=0-9", false],
]) {
  promise_test(async () => {
    assert_equals(await isPreflighted({ headers: { Range: range } }), !isSafe);
  }, `${isSafe ? "No preflight" : "A preflight"}: Range: ${range}`);
}

for (const method of ["GET", "HEAD", "POST", "get", "post"]) {
  promise_test(async () => assert_false(await isPreflighted({ method })), `No preflight: ${method}`);
}

for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "put", "patch"]) {
  promise_test(async () => assert_true(await isPreflighted({ method })), `A preflight: ${method}`);
}

for (const [title, body, isSafe] of [
  ["text", () => "text", true],
  ["bytes without a type", () => new Uint8Array([1, 2]), true],
  ["a form", () => new FormData(), true],
  ["parameters", () => new URLSearchParams("a=1"), true],
  ["a blob of plain text", () => new Blob(["x"], { type: "text/plain" }), true],
  ["a blob of JSON", () => new Blob(["{}"], { type: "application/json" }), false],
]) {
  promise_test(async () => {
    assert_equals(await isPreflighted({ method: "POST", body: body() }), !isSafe);
  }, `${isSafe ? "No preflight" : "A preflight"}: a body that is ${title}`);
}

for (const hasListener of [false, true]) {
  promise_test(async (t) => {
    const token = newToken();
    await new Promise((resolve) => {
      const xhr = new XMLHttpRequest();
      xhr.open("POST", respond(CROSS_SITE, { header: ALLOW_ALL, token }));
      if (hasListener) {
        xhr.upload.onprogress = () => {};
      }
      xhr.onloadend = resolve;
      xhr.send("x");
    });
    const [first] = await seen(token);
    assert_equals(first.isPreflight, hasListener);
  }, `XMLHttpRequest ${hasListener ? "with" : "without"} a listener for uploads`);
}
