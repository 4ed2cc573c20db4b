// META: title=User-enabled CORS: redirects: what the user is asked
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const [B, C, D] = [ANSWERS.once, ONCE_TOO, ANSWERS.visit];
const hostOf = (origin) => new URL(origin).hostname;
const names = (question, origin) => JSON.stringify(question.hosts).includes(hostOf(origin));

user_test(async (t) => {
  const promise = fetch(redirect(B, redirect(C, respond(D, { body: "end" }))));
  const question = await user.decide(t, "once");
  for (const origin of [B, C, D]) {
    assert_true(names(question, origin), origin);
  }
  assert_equals(await (await promise).text(), "end");
  await user.assertNotAsked();
}, "One question names every target");

user_test(async (t) => {
  const promise = fetch(redirect(B, respond(C, { body: "end", header: ALLOW_ALL })));
  const question = await user.decide(t, "once");
  assert_true(names(question, B));
  assert_false(names(question, C), "who allows it is not asked about");
  assert_equals(await (await promise).text(), "end");
}, "It names no target that allows everybody");

user_test(async (t) => {
  const token = newToken();
  const promise = fetch(redirect(B, respond(C, { token, body: "end" })));
  await user.question(t);
  assert_equals((await seen(token)).length, 1, "it is followed before anybody is asked");
  await user.decide(t, "not-now");
  await rejects(t, promise);
  assert_equals((await seen(token)).length, 1);
}, "A chain is followed first, and once");

user_test(async (t) => {
  for (const target of [B, C]) {
    const promise = fetch(respond(target));
    await user.decide(t, "visit");
    await promise;
  }
  const response = await fetch(redirect(B, respond(C, { body: "end" })));
  assert_equals(await response.text(), "end");
  await user.assertNotAsked();
}, "Nobody is asked if every target is allowed");

user_test(async (t) => {
  const first = fetch(respond(B));
  await user.decide(t, "visit");
  await first;
  const promise = fetch(redirect(B, respond(C, { body: "end" })));
  await user.decide(t, "once");
  assert_equals(await (await promise).text(), "end");
}, "A permission for the first target is none for the second");

user_test(async (t) => {
  const apex = ANSWERS.notNow;
  const www = apex.replace("//", "//www.");
  const promise = fetch(redirect(apex, respond(www, { body: "end" }), { status: 301 }));
  const question = await user.decide(t, "visit");
  assert_true(names(question, apex) && names(question, www));
  assert_equals(await (await promise).text(), "end");
  await fetch(respond(www));
  await fetch(respond(apex));
}, "From a domain to its www");

for (const [title, url, init] of [
  ["back to the requester", () => redirect(B, respond(TEST_ORIGIN))],
  ["to a target that allows another origin", () => redirect(B, respond(C, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }))],
  ["to a target that opts out", () => redirect(B, respond(C, { header: "Access-Control-Prevent-Origin:*" }))],
  ["into the local network", () => redirect(B, respond(LOCAL))],
  ["to a target without TLS", () => redirect(B, respond(INSECURE))],
  ["without an end", () => redirect(B, respond(B), { count: 21 })],
]) {
  user_test(async (t) => {
    await rejects(t, fetch(url(), init));
    await user.assertNotAsked();
  }, `Nobody is asked about a chain ${title}`);
}

user_test(async (t) => {
  const [first, second] = [newToken(), newToken()];
  const promise = fetch(redirect(B, respond(C, { token: second, body: "end" }), { token: first, status: 307 }), {
    method: "PUT",
    body: "sent",
  });
  await user.decide(t, "once");
  const question = await user.question(t, (question) => names(question, C));
  assert_equals(question.action, "send-and-read");
  assert_array_equals(await seen(second), [], "nothing is sent there before the answer");
  await user.decide(t, "once");
  assert_equals(await (await promise).text(), "end");
  const bodies = (await seen(second)).map((record) => record.body);
  assert_array_equals(bodies, ["sent"]);
}, "A request that is no simple read is asked about at each new target");
