// META: title=User-enabled CORS: what others have left in the cache
// META: script=/user-enabled-cors/resources/servers.sub.js

const cacheable = (parameters) => handler(ANSWERS.once, "echo.py", { header: "Cache-Control:max-age=600", ...parameters });

promise_test(async () => {
  await fetch(
    handler(ANSWERS.once, "cookies.py", {
      set: "private=1; Path=/; Secure; SameSite=None",
      header: [`Access-Control-Allow-Origin:${TEST_ORIGIN}`, "Access-Control-Allow-Credentials:true"],
    }),
    { credentials: "include" }
  );
  const token = newToken();
  const url = cacheable({ token });
  // JSON is kept from the page, but not from the cache.
  await fetch(url, { mode: "no-cors", credentials: "include" }).catch(() => {});
  const [first] = await seen(token);
  assert_regexp_match(headerOf(first, "cookie"), /private=1/, "a private response may be in the cache");

  const response = await fetch(url);
  assert_equals(headerOf(await response.json(), "cookie"), null);
  assert_greater_than((await seen(token)).length, 1, "the response came from the server");
}, "A response to a request with credentials is not read from the cache");

promise_test(async () => {
  const token = newToken();
  const url = respond(ANSWERS.once, { token, body: "text", header: "Cache-Control:max-age=600" });
  await fetch(url);
  const response = await fetch(url, { mode: "no-cors", credentials: "include" });
  assert_equals(response.type, "opaque");
  assert_greater_than((await seen(token)).length, 1);
}, "A response that was released is no answer to a request with credentials");
