// META: title=Fetch: Clear-Site-Data
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const clear = (types) => ({ header: `Clear-Site-Data:${types}` });
const count = async (token) => (await seen(token)).length;

async function sentCookie(name) {
  const response = await fetch(handler(TEST_ORIGIN, "echo.py"));
  return (headerOf(await response.json(), "cookie") || "").includes(`${name}=1`);
}

for (const [types, cleared] of [
  ['"cookies"', true],
  ['"*"', true],
  ['"unknown", "cookies"', true],
  ['"cache"', false],
  ["cookies", false],
]) {
  promise_test(async () => {
    const name = `cleared${newToken().replaceAll("-", "")}`;
    await fetch(handler(TEST_ORIGIN, "cookies.py", { set: `${name}=1; Path=/` }));
    assert_true(await sentCookie(name), "the cookie is set");
    await fetch(respond(TEST_ORIGIN, clear(types)), { credentials: "omit" });
    assert_true(await sentCookie(name), "a response to a request without credentials clears nothing");
    await fetch(respond(TEST_ORIGIN, clear(types)));
    assert_equals(await sentCookie(name), !cleared);
  }, `Cookies and ${types}`);
}

for (const [types, cleared] of [['"cache"', true], ['"*"', true], ['"cookies"', false]]) {
  promise_test(async () => {
    const token = newToken();
    const url = respond(TEST_ORIGIN, { token, header: "Cache-Control:max-age=600" });
    await (await fetch(url)).text();
    await (await fetch(url)).text();
    assert_equals(await count(token), 1, "the response is stored");
    await fetch(respond(TEST_ORIGIN, clear(types)));
    await (await fetch(url)).text();
    assert_equals(await count(token), cleared ? 2 : 1);
  }, `What is cached and ${types}`);
}
