// META: title=User-enabled CORS: an objection: redirects launder, and servers use custom header fields against forged requests
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const [B, C] = [ANSWERS.once, ONCE_TOO];
const notPreflights = async (token) => (await seen(token)).filter((record) => !record.isPreflight);

user_test(async (t) => {
  const cookie = `chain${Date.now()}`;
  const allowed = [ALLOW_TEST, ALLOW_CREDENTIALS];
  await fetch(handler(C, "cookies.py", { set: `${cookie}=1; Path=/; Secure; SameSite=None`, header: allowed }), { credentials: "include" });
  const token = newToken();
  await user.fetch(t, "once", redirect(B, respond(C, { token, header: ALLOW_ALL })));
  const records = await notPreflights(token);
  assert_greater_than(records.length, 0);
  for (const record of records) {
    assert_equals(headerOf(record, "cookie"), null);
    assert_equals(headerOf(record, "sec-user-enabled-cors"), "?1");
  }
}, "A chain stays anonymous, even where it may be read anyway");

user_test(async (t) => {
  const question = await user.assertAsked(t, redirect(B, respond(C)));
  assert_array_equals([...question.hosts].sort(), [B, C].sort());
}, "Whoever is read by a redirect is asked about");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(B));
  await user.assertAsked(t, redirect(B, respond(C)));
}, "A permission for the first does not open the second");

user_test((t) => user.assertRefused(t, redirect(B, respond(TEST_ORIGIN))), "A chain back to the page's own server has to pass CORS there");
user_test((t) => user.assertRefused(t, redirect(B, respond(LOCAL))), "A chain does not lead into the local network");

user_test(async (t) => {
  const token = newToken();
  const promise = fetch(redirect(B, respond(C, { token }), { status: 307 }), { method: "PUT", body: "sent", headers: { "X-Token": "1" } });
  await user.decide(t, "once");
  const question = await user.question(t, (question) => question.hosts.includes(C));
  assert_equals(question.action, "send-and-read");
  assert_array_equals(await seen(token), []);
  await user.decide(t, "not-now");
  await rejects(t, promise);
  assert_array_equals(await seen(token), [], "no body goes where the user did not send it");
}, "A body goes to another target only if the user says so");

user_test(async (t) => {
  const token = newToken();
  const promise = fetch(redirect(B, respond(C, { token })), { headers: { "X-CSRF": "1" } });
  await user.decide(t, "once");
  await user.decide(t, "once", (question) => question.hosts.includes(C));
  await promise;
  for (const record of await notPreflights(token)) {
    assert_equals(headerOf(record, "x-csrf"), null);
  }
}, "Custom header fields do not go to another target");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(B));
  const token = newToken();
  const promise = fetch(respond(B, { token }), { headers: { "X-CSRF": "1" } });
  const question = await user.question(t);
  assert_array_equals(question.requests[0].headers.map((name) => name.toLowerCase()), ["x-csrf"]);
  assert_array_equals(await notPreflights(token), [], "it is not sent before the answer");
  await user.decide(t, "not-now");
  await rejects(t, promise);
  assert_array_equals(await notPreflights(token), []);
}, "A custom header field is sent only if the question named it");

for (const name of ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "Forwarded", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP"]) {
  user_test(async (t) => {
    const token = newToken();
    await user.assertRefused(t, respond(B, { token }), { headers: { [name]: "1" } });
    assert_array_equals(await notPreflights(token), []);
  }, `Never sent, and nobody is asked: ${name}`);
}

user_test(async (t) => {
  await user.fetch(t, "visit", respond(B), { method: "PUT" });
  let count = 1;
  while (count < 100 && (await fetch(respond(B), { method: "PUT" }).then(() => true, () => false))) {
    count++;
  }
  assert_equals(count, 60);
}, "Writes are limited");
