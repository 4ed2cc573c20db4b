// META: title=User-enabled CORS: redirects
// META: script=/user-enabled-cors/resources/servers.sub.js

promise_test(async () => {
  const response = await fetch(redirect(ANSWERS.once, respond(ANSWERS.visit, { body: "end" })));
  assert_equals(await response.text(), "end");
  assert_true(response.redirected);
}, "A chain whose every target is allowed");

promise_test(
  (t) => rejects(t, fetch(redirect(ANSWERS.once, respond(ANSWERS.notNow)))),
  "A chain whose last target is declined"
);

promise_test(
  (t) => rejects(t, fetch(redirect(ANSWERS.once, respond(TEST_ORIGIN)))),
  "A hop back to the requester's origin has to pass ordinary CORS"
);

promise_test((t) => rejects(t, fetch(redirect(ANSWERS.once, respond(LOCAL)))), "A hop to a less public space");

promise_test((t) => rejects(t, fetch(redirect(ANSWERS.once, respond(INSECURE)))), "A hop without TLS");

promise_test(async () => {
  const token = newToken();
  const allow = `Access-Control-Allow-Origin:*`;
  const response = await fetch(redirect(ANSWERS.once, respond(ANSWERS.visit, { token, header: allow })));
  assert_equals(response.type, "cors");
  for (const record of await seen(token)) {
    assert_equals(headerOf(record, "cookie"), null);
  }
}, "A hop that allows everybody is followed without credentials");

// The last test, as the answer covers all that the question listed.
promise_test(async (t) => {
  await rejects(t, fetch(redirect(ANSWERS.never, respond(ANSWERS.once))));
  await rejects(t, fetch(respond(ANSWERS.once)));
}, "A chain whose first target is never to be read");
