// META: title=Fetch: Headers and their guards
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

promise_test(async () => {
  const response = await fetch(respond(CROSS_SITE, { header: ALLOW_ALL }));
  for (const change of [
    (headers) => headers.set("X-A", "1"),
    (headers) => headers.append("X-A", "1"),
    (headers) => headers.delete("Content-Type"),
  ]) {
    assert_throws_js(TypeError, () => change(response.headers));
    assert_throws_js(TypeError, () => change(Response.error().headers));
  }
  assert_equals(response.headers.get("content-type"), "text/plain");
}, "Those of a response from the network cannot be changed");

test(() => {
  const response = new Response("", { headers: { "Set-Cookie": "a=1", "X-A": "1" } });
  assert_false(response.headers.has("set-cookie"));
  response.headers.append("Set-Cookie2", "a=1");
  assert_false(response.headers.has("set-cookie2"));
  assert_equals(response.headers.get("x-a"), "1");
}, "Those of a response that a page makes have no cookies");

test(() => {
  const request = new Request(CROSS_SITE, { mode: "no-cors" });
  request.headers.set("X-A", "1");
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Range", "bytes=0-1");
  assert_array_equals([...request.headers.keys()], []);
  request.headers.set("Content-Type", "text/plain");
  request.headers.set("Accept", "text/x");
  assert_array_equals([...request.headers.keys()], ["accept", "content-type"]);
}, "Those of a no-cors request have safe ones only");

test(() => {
  const request = new Request(CROSS_SITE, { mode: "no-cors" });
  request.headers.append("Accept", "a".repeat(100));
  request.headers.append("Accept", "b".repeat(100));
  assert_equals(request.headers.get("accept"), "a".repeat(100));
}, "Values of a no-cors request are safe in all, not one by one");

for (const name of ["", "a b", "é", "a:", "(", "a\n"]) {
  test(() => {
    for (const method of ["get", "has", "delete"]) {
      assert_throws_js(TypeError, () => new Headers()[method](name));
    }
    assert_throws_js(TypeError, () => new Headers().append(name, "x"));
    assert_throws_js(TypeError, () => new Headers([[name, "x"]]));
  }, `No name: ${JSON.stringify(name)}`);
}

for (const value of ["a\nb", "a\rb", "a\0b", "\u0100"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Headers().append("x", value));
    assert_throws_js(TypeError, () => new Headers({ x: value }));
  }, `No value: ${JSON.stringify(value)}`);
}

test(() => {
  const headers = new Headers([["X-B", " 1\t"], ["x-a", "2"], ["X-b", "\r\n3"]]);
  assert_equals(headers.get("x-B"), "1, 3");
  assert_array_equals([...headers].flat(), ["x-a", "2", "x-b", "1, 3"]);
}, "Names are lower case and sorted, values combined and trimmed");

test(() => {
  const headers = new Headers([["Set-Cookie", "a=1"], ["set-cookie", "b=2"], ["x", "3"]]);
  assert_array_equals(headers.getSetCookie(), ["a=1", "b=2"]);
  assert_array_equals([...headers].map(([name]) => name), ["set-cookie", "set-cookie", "x"]);
}, "Cookies are not combined");

test(() => {
  assert_throws_js(TypeError, () => new Headers([["only"]]));
  assert_throws_js(TypeError, () => new Headers([["one", "two", "three"]]));
  assert_throws_js(TypeError, () => new Headers(1));
}, "What makes no headers");
