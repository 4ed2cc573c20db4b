// META: title=User-enabled CORS: credentials stay out
// META: script=/user-enabled-cors/resources/servers.sub.js

// Leaves a cookie at the server, which allows that by CORS.
const leaveCookie = (origin, name) =>
  fetch(
    handler(origin, "cookies.py", {
      set: `${name}=1; Path=/; Secure; SameSite=None`,
      header: [`Access-Control-Allow-Origin:${TEST_ORIGIN}`, "Access-Control-Allow-Credentials:true"],
    }),
    { credentials: "include" }
  );

async function cookiesAt(origin) {
  const url = handler(origin, "echo.py", {
    header: [`Access-Control-Allow-Origin:${TEST_ORIGIN}`, "Access-Control-Allow-Credentials:true"],
  });
  const response = await fetch(url, { credentials: "include" });
  return headerOf(await response.json(), "cookie") || "";
}

promise_test(async () => {
  await leaveCookie(ANSWERS.once, "before");
  assert_regexp_match(await cookiesAt(ANSWERS.once), /before=1/, "the cookie is there");
  const response = await fetch(handler(ANSWERS.once, "echo.py"));
  assert_equals(headerOf(await response.json(), "cookie"), null);
}, "Cookies are not sent");

promise_test(async () => {
  await leaveCookie(ANSWERS.once, "before");
  const token = newToken();
  const response = await fetch(handler(ANSWERS.once, "echo.py", { token }), { method: "PUT" });
  assert_equals(headerOf(await response.json(), "cookie"), null);
  for (const record of await seen(token)) {
    assert_equals(headerOf(record, "cookie"), null, record.method);
  }
}, "Cookies are not sent with a request that needs a preflight, nor with the preflight");

promise_test(async () => {
  const name = `answer${Date.now()}`;
  await fetch(handler(ANSWERS.once, "cookies.py", { set: `${name}=1; Path=/; Secure; SameSite=None` }));
  assert_false((await cookiesAt(ANSWERS.once)).includes(name));
}, "Cookies in the response are not stored");

promise_test(async () => {
  const response = await fetch(handler(ANSWERS.once, "authentication.py"));
  assert_equals(response.status, 401);
  assert_false(response.headers.has("www-authenticate"));
}, "A challenge is not answered, and not shown");

promise_test(async () => {
  const response = await fetch(handler(ANSWERS.visit, "echo.py"), { headers: { Authorization: "Bearer page" } });
  assert_equals(headerOf(await response.json(), "authorization"), "Bearer page");
}, "What the page sets itself is sent: an Authorization field");

promise_test(async (t) => {
  const url = new URL(respond(ANSWERS.once));
  url.username = "user";
  await rejects(t, Promise.resolve().then(() => fetch(url.href)));
}, "A URL with credentials");

promise_test(async (t) => {
  await leaveCookie(ANSWERS.notNow, "oracle");
  const token = newToken();
  await rejects(t, fetch(respond(ANSWERS.notNow, { token })));
  await rejects(t, fetch(respond(ANSWERS.notNow, { token }), { credentials: "omit" }));
  const records = await seen(token);
  assert_equals(records.length, 2, "cookies make no difference to how often a server is asked");
  assert_true(records.every((record) => headerOf(record, "cookie") === null));
}, "A declined request tells nothing of cookies");
