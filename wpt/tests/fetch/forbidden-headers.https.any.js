// META: title=Fetch: header fields and methods that a page may not choose
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

for (const name of [
  "Accept-Charset", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Connection",
  "Content-Length", "Cookie", "Cookie2", "Date", "DNT", "Expect", "Host", "Keep-Alive", "Origin", "Referer", "Set-Cookie", "TE",
  "Trailer", "Transfer-Encoding", "Upgrade", "Via", "Proxy-Custom", "Sec-Custom", "Sec-User-Enabled-CORS", "sec-fetch-site",
]) {
  promise_test(async () => {
    const request = new Request(respond(TEST_ORIGIN), { headers: { [name]: "latchkey-test" } });
    assert_false(request.headers.has(name));
    request.headers.append(name, "latchkey-test");
    assert_false(request.headers.has(name));
    const token = newToken();
    const xhr = new XMLHttpRequest();
    xhr.open("GET", respond(TEST_ORIGIN, { token }));
    xhr.setRequestHeader(name, "latchkey-test");
    await new Promise((resolve) => {
      xhr.onloadend = resolve;
      xhr.send();
    });
    const [record] = await seen(token);
    assert_false(record.headers.some(([, value]) => value.includes("latchkey-test")));
  }, `Nobody sets ${name}`);
}

for (const name of ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"]) {
  for (const [value, isAllowed] of [["TRACE", false], ["get, track", false], ["CONNECT", false], ["DELETE", true]]) {
    test(() => {
      const request = new Request(TEST_ORIGIN, { headers: { [name]: value } });
      assert_equals(request.headers.get(name), isAllowed ? value : null);
    }, `${isAllowed ? "Allowed" : "Not allowed"}: ${name}: ${value}`);
  }
}

for (const name of ["Security", "Proxy", "X-Sec-Custom", "Authorization", "Cookies"]) {
  test(() => {
    const request = new Request(TEST_ORIGIN, { headers: { [name]: "x" } });
    assert_equals(request.headers.get(name), "x");
  }, `A page may set ${name}`);
}

for (const method of ["CONNECT", "TRACE", "TRACK", "connect", "Trace"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(TEST_ORIGIN, { method }));
    assert_throws_dom("SecurityError", () => new XMLHttpRequest().open(method, TEST_ORIGIN));
  }, `The method ${method} is forbidden`);
}

for (const method of ["GET ", "a b", "", "é", "a:b"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(TEST_ORIGIN, { method }));
  }, `"${method}" is no method`);
}

for (const [method, expected] of [
  ["get", "GET"], ["Head", "HEAD"], ["post", "POST"], ["pUt", "PUT"], ["delete", "DELETE"], ["options", "OPTIONS"],
  ["patch", "patch"], ["chicken", "chicken"],
]) {
  promise_test(async () => {
    assert_equals(new Request(TEST_ORIGIN, { method }).method, expected);
    const token = newToken();
    await fetch(respond(TEST_ORIGIN, { token }), { method });
    assert_equals((await seen(token))[0].method, expected);
  }, `The method ${method} is sent as ${expected}`);
}
