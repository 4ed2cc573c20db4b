// META: title=User-enabled CORS: a server's word stands
// META: script=/user-enabled-cors/resources/servers.sub.js

promise_test(
  (t) => rejects(t, fetch(respond(ANSWERS.once, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }))),
  "Another origin is allowed"
);

for (const value of [
  "null",
  "https://*",
  TEST_ORIGIN.replace("https:", "http:"),
  TEST_ORIGIN.replace(/:\d+$/, ":1"),
  TEST_ORIGIN.replace(/:\d+$/, ""),
  TEST_ORIGIN.replace("//", "//www."),
  ANSWERS.once,
]) {
  promise_test(
    (t) => rejects(t, fetch(respond(ANSWERS.once, { header: `Access-Control-Allow-Origin:${value}` }))),
    `Something else of the shape of an origin is allowed: ${value.replace(/:\d{2,}$/, ":port")}`
  );
}

promise_test(async (t) => {
  const token = newToken();
  const url = respond(ANSWERS.once, {
    token,
    "preflight-header": [`Access-Control-Allow-Origin:${TEST_ORIGIN}`, "Access-Control-Allow-Methods:GET"],
  });
  await rejects(t, fetch(url, { method: "PUT" }));
  assert_false((await seen(token)).some((record) => record.method === "PUT"));
}, "The preflight allows the requester, but not the method");

promise_test(async (t) => {
  const token = newToken();
  const url = respond(ANSWERS.once, { token, "preflight-header": `Access-Control-Allow-Origin:${TEST_ORIGIN}` });
  await rejects(t, fetch(url, { headers: { "X-Custom": "1" } }));
  assert_false((await seen(token)).some((record) => record.method === "GET"));
}, "The preflight allows the requester, but not a header field");

for (const value of ["*", `"${TEST_ORIGIN}"`, `"${OTHER_ORIGIN}", "${TEST_ORIGIN}"`, "?0"]) {
  promise_test(
    (t) => rejects(t, fetch(respond(ANSWERS.once, { header: `Access-Control-Prevent-Origin:${value}` }))),
    `Access-Control-Prevent-Origin: ${value.replace(TEST_ORIGIN, "the origin")}`
  );
}

promise_test(async () => {
  const header = `Access-Control-Prevent-Origin:"${OTHER_ORIGIN}"`;
  const response = await fetch(respond(ANSWERS.once, { header, body: "text" }));
  assert_equals(await response.text(), "text");
}, "Access-Control-Prevent-Origin that names another origin only");

for (const value of ["same-origin", "same-site"]) {
  promise_test(
    (t) => rejects(t, fetch(respond(ANSWERS.once, { header: `Cross-Origin-Resource-Policy:${value}` }))),
    `Cross-Origin-Resource-Policy: ${value}`
  );
}

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { header: "Cross-Origin-Resource-Policy:cross-origin" }));
  assert_equals(response.type, "cors");
}, "Cross-Origin-Resource-Policy: cross-origin");
