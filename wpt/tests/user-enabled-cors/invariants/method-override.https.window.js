// META: title=User-enabled CORS: a permission to read does not send
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const METHOD_HEADERS = ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"];
const OTHERS = [
  "X-Original-URL",
  "X-Rewrite-URL",
  "Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Forwarded-Anything",
  "X-Real-IP",
  "True-Client-IP",
  "X-Original-Host",
  // A program that gets header fields as variables does not tell these from those with hyphens.
  "X_HTTP_Method_Override",
  "X-HTTP_Method",
  "X_Forwarded_Host",
];
const notPreflights = async (token) => (await seen(token)).filter((record) => !record.isPreflight);

for (const choice of ["visit", "always"]) {
  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    user_test(async (t) => {
      await user.fetch(t, choice, respond(TARGET));
      await user.assertRead(respond(TARGET));
      await user.assertAsked(t, respond(TARGET), { method });
    }, `${method} under a permission to read: ${choice}`);
  }
}

for (const name of [...METHOD_HEADERS, ...OTHERS]) {
  for (const method of ["GET", "POST"]) {
    user_test(async (t) => {
      await user.fetch(t, "visit", respond(TARGET), { method });
      const token = newToken();
      await user.assertRefused(t, respond(TARGET, { token }), { method, headers: { [name]: "DELETE" } });
      assert_array_equals(await notPreflights(token), []);
    }, `${name} under a permission for ${method}`);
  }

  answered_test("always", async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(TARGET, { token }), { headers: { [name.toLowerCase()]: "DELETE" } }));
    assert_array_equals(await notPreflights(token), []);
  }, `No answer allows ${name}`);
}

for (const name of METHOD_HEADERS) {
  user_test(async (t) => {
    const token = newToken();
    const header = [ALLOW_TEST, `Access-Control-Allow-Headers:${name}`];
    await fetch(respond(TARGET, { token, header, "preflight-header": header }), { headers: { [name]: "DELETE" } });
    assert_equals((await notPreflights(token)).length, 1);
    await user.assertNotAsked();
  }, `A server that allows ${name} gets it as ever`);
}

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET), { headers: { "X-Custom": "1" } });
  const token = newToken();
  await user.assertRead(respond(TARGET, { token, _method: "DELETE" }), { headers: { "X-Custom": "DELETE" } });
  assert_equals((await notPreflights(token))[0].method, "GET");
}, "What is in URLs and in the values of allowed fields is the page's to say");
