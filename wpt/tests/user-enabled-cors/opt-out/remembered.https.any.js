// META: title=User-enabled CORS: an opt-out that is to be remembered
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/targets.sub.js

const preventing = (origin, value) => respond(origin, { header: `Access-Control-Prevent-Origin:${value}` });

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { body: "before" }));
  assert_equals(await response.text(), "before");
}, "Without a max-age an opt-out holds for its response only: before");

promise_test(async (t) => {
  await rejects(t, fetch(preventing(ANSWERS.once, "*")));
  const response = await fetch(respond(ANSWERS.once, { body: "after" }));
  assert_equals(await response.text(), "after");
}, "Without a max-age an opt-out holds for its response only: after");

promise_test(async (t) => {
  await rejects(t, fetch(preventing(REMEMBERING, "*;max-age=60")));
  await rejects(t, fetch(respond(REMEMBERING)));
}, "With a max-age it holds for later responses");

promise_test(async (t) => {
  await rejects(t, fetch(preventing(CLEARING, "*;max-age=60")));
  await rejects(t, fetch(preventing(CLEARING, "*;max-age=0")));
  const response = await fetch(respond(CLEARING, { body: "cleared" }));
  assert_equals(await response.text(), "cleared");
}, "A max-age of 0 clears it");
