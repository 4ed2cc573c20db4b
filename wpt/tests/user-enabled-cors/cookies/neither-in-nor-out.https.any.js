// META: title=User-enabled CORS: cookies
// META: script=/user-enabled-cors/resources/servers.sub.js

const WITH_CREDENTIALS = [ALLOW_TEST, ALLOW_CREDENTIALS];
let cookies = 0;
const newCookie = () => `uec${Date.now()}x${++cookies}`;
const leave = (origin, cookie) =>
  fetch(handler(origin, "cookies.py", { set: cookie, header: WITH_CREDENTIALS }), { credentials: "include" });

async function cookiesAt(origin) {
  const response = await fetch(handler(origin, "echo.py", { header: WITH_CREDENTIALS }), { credentials: "include" });
  return headerOf(await response.json(), "cookie") || "";
}

const REQUESTS = [
  ["a simple request", {}],
  ["a simple POST", { method: "POST", body: "x" }],
  ["a request after a preflight", { method: "PUT" }],
  ["a request with a header field", { headers: { "X-Custom": "1" } }],
  ["credentials mode omit", { credentials: "omit" }],
];

for (const answer of ["once", "visit", "notNow"]) {
  for (const [title, init] of REQUESTS) {
    promise_test(async () => {
      const origin = ANSWERS[answer];
      const name = newCookie();
      await leave(origin, `${name}=1; Path=/; Secure; SameSite=None`);
      assert_true((await cookiesAt(origin)).includes(name), "the cookie is there");
      const token = newToken();
      const isRead = await fetch(respond(origin, { token }), init).then(() => true, () => false);
      assert_equals(isRead, answer !== "notNow");
      const records = await seen(token);
      assert_greater_than(records.length, 0);
      for (const record of records) {
        assert_equals(headerOf(record, "cookie"), null, record.method);
      }
    }, `No cookies are sent: ${title}, answered ${answer}`);
  }
}

for (const attributes of ["", "; SameSite=Lax", "; SameSite=Strict", "; HttpOnly"]) {
  promise_test(async () => {
    const name = newCookie();
    await leave(ANSWERS.once, `${name}=1; Path=/; Secure${attributes}`);
    const response = await fetch(handler(ANSWERS.once, "echo.py"));
    assert_equals(headerOf(await response.json(), "cookie"), null);
  }, `Whatever the cookie's attributes are: "${attributes}"`);
}

for (const [title, init] of REQUESTS) {
  promise_test(async () => {
    const name = newCookie();
    const set = `${name}=1; Path=/; Secure; SameSite=None`;
    const response = await fetch(handler(ANSWERS.once, "cookies.py", { set }), init);
    assert_false(response.headers.has("set-cookie"));
    assert_false((await cookiesAt(ANSWERS.once)).includes(name));
  }, `No cookies are stored: ${title}`);

  promise_test(async () => {
    const name = newCookie();
    await leave(ANSWERS.once, `${name}=kept; Path=/; Secure; SameSite=None`);
    const set = `${name}=; Path=/; Secure; SameSite=None; Max-Age=0`;
    await fetch(handler(ANSWERS.once, "cookies.py", { set }), init);
    assert_true((await cookiesAt(ANSWERS.once)).includes(`${name}=kept`));
  }, `No cookies are removed: ${title}`);
}

promise_test(async () => {
  const name = newCookie();
  const set = `Set-Cookie:${name}=1; Path=/; Secure; SameSite=None`;
  await fetch(respond(ANSWERS.once, { "preflight-header": set }), { method: "PUT" });
  assert_false((await cookiesAt(ANSWERS.once)).includes(name));
}, "No cookies of a preflight are stored");
