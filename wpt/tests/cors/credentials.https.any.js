// META: title=CORS: credentials
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const ALLOWED = [ALLOW_TEST, ALLOW_CREDENTIALS];
let cookies = 0;
const newCookie = () => `cors${Date.now()}${++cookies}`;

const setCookie = (name, credentials) =>
  fetch(handler(SAME_SITE, "cookies.py", { set: `${name}=1; Path=/; Secure`, header: ALLOWED }), { credentials });

async function cookiesSent(credentials, origin = SAME_SITE) {
  const response = await fetch(handler(origin, "echo.py", { header: ALLOWED }), { credentials });
  return headerOf(await response.json(), "cookie") || "";
}

for (const [credentials, isIncluded] of [["include", true], ["same-origin", false], ["omit", false]]) {
  promise_test(async () => {
    const name = newCookie();
    await setCookie(name, "include");
    assert_equals((await cookiesSent(credentials)).includes(name), isIncluded);
  }, `Credentials mode ${credentials}: cookies are ${isIncluded ? "" : "not "}sent to another origin`);

  promise_test(async () => {
    const name = newCookie();
    await setCookie(name, credentials);
    assert_equals((await cookiesSent("include")).includes(name), isIncluded);
  }, `Credentials mode ${credentials}: cookies of another origin are ${isIncluded ? "" : "not "}stored`);
}

promise_test(async () => {
  const name = newCookie();
  await setCookie(name, undefined);
  assert_false((await cookiesSent("include")).includes(name));
}, "The default is same-origin");

promise_test(async (t) => {
  const name = newCookie();
  const url = handler(SAME_SITE, "cookies.py", { set: `${name}=1; Path=/; Secure`, header: ALLOW_ALL });
  await rejects(t, fetch(url, { credentials: "include" }));
  assert_true((await cookiesSent("include")).includes(name));
}, "Cookies of a response that may not be read are stored all the same");

promise_test(async (t) => {
  const token = newToken();
  const name = newCookie();
  await setCookie(name, "include");
  const url = respond(SAME_SITE, {
    token,
    header: ALLOWED,
    "preflight-header": [...ALLOWED, "Access-Control-Allow-Methods:PUT"],
  });
  await fetch(url, { method: "PUT", credentials: "include" });
  const [preflight, request] = await seen(token);
  assert_equals(headerOf(preflight, "cookie"), null);
  assert_true(headerOf(request, "cookie").includes(name));
}, "A preflight has no cookies, the request after it has");

for (const value of ["TRUE", "1", "", "true, true"]) {
  promise_test(async (t) => {
    const url = respond(SAME_SITE, { header: [ALLOW_TEST, `Access-Control-Allow-Credentials:${value}`] });
    await rejects(t, fetch(url, { credentials: "include" }));
    await fetch(url);
  }, `Access-Control-Allow-Credentials: "${value}" allows no credentials, and is not needed without`);
}

for (const withCredentials of [true, false]) {
  promise_test(async () => {
    const name = newCookie();
    await setCookie(name, "include");
    const xhr = new XMLHttpRequest();
    xhr.open("GET", handler(SAME_SITE, "echo.py", { header: ALLOWED }));
    xhr.withCredentials = withCredentials;
    await new Promise((resolve) => {
      xhr.onload = resolve;
      xhr.send();
    });
    const sent = headerOf(JSON.parse(xhr.responseText), "cookie") || "";
    assert_equals(sent.includes(name), withCredentials);
  }, `XMLHttpRequest with withCredentials ${withCredentials}`);
}

promise_test(async (t) => {
  const url = new URL(respond(SAME_SITE, { header: ALLOW_ALL }));
  url.username = "user";
  assert_throws_js(TypeError, () => new Request(url));
  await rejects(t, fetch(url));
}, "A URL with credentials is none for fetch()");

promise_test(async () => {
  const response = await fetch(handler(SAME_SITE, "authentication.py", { header: ALLOWED }));
  assert_equals(response.status, 401);
}, "Without credentials a challenge is not answered");
