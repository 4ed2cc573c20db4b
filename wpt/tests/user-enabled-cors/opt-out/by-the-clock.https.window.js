// META: title=User-enabled CORS: an opt-out ends when its time is over
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const DAY = 24 * 3600 * 1000;
const preventing = (value, target = TARGET) => respond(target, { header: `Access-Control-Prevent-Origin:${value}` });
const isRead = (url = respond(TARGET)) => fetch(url).then(() => true, () => false);

answered_test("once", async () => {
  await isRead(preventing("*;max-age=60"));
  assert_false(await isRead());
  await user.advance(59000);
  assert_false(await isRead());
  await user.advance(2000);
  assert_true(await isRead());
}, "A minute");

answered_test("once", async () => {
  await isRead(preventing("*;max-age=99999999999"));
  await user.advance(364 * DAY);
  assert_false(await isRead());
  await user.advance(2 * DAY);
  assert_true(await isRead());
}, "No more than a year");

answered_test("once", async () => {
  await isRead(preventing("*;max-age=60"));
  await user.advance(50000);
  await isRead(preventing("*;max-age=60"));
  await user.advance(50000);
  assert_false(await isRead());
}, "Saying it again begins it again");

answered_test("once", async () => {
  await isRead(preventing("*;max-age=3600"));
  const { opt_outs } = await user.permissions();
  assert_equals(opt_outs.length, 1);
  await isRead(preventing("*;max-age=0"));
  assert_equals((await user.permissions()).opt_outs.length, 0);
  assert_true(await isRead());
}, "What is remembered is shown to the user, and what is cleared is not");

answered_test("once", async () => {
  await isRead(preventing("*"));
  assert_equals((await user.permissions()).opt_outs.length, 0);
}, "Without a max-age nothing is remembered");

user_test(async (t) => {
  await rejects(t, fetch(preventing("*;max-age=60")));
  await user.assertNotAsked();
  await rejects(t, fetch(respond(TARGET)));
  await user.assertNotAsked();
  await user.advance(61000);
  const promise = fetch(respond(TARGET, { body: "text" }));
  await user.decide(t, "once");
  assert_equals(await (await promise).text(), "text");
}, "Nobody is asked meanwhile");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.decide(t, "visit");
  await promise;
  await rejects(t, fetch(preventing("*;max-age=60")));
  await rejects(t, fetch(respond(TARGET)));
  await user.advance(61000);
  await fetch(respond(TARGET));
}, "It holds against a permission, which is there again afterwards");

// What was held before the no came is not released after it.
for (const [title, init, isSent] of [
  ["GET", {}, true],
  ["POST", { method: "POST", body: "x" }, true],
  ["PUT", { method: "PUT", body: "x" }, false],
]) {
  user_test(async (t) => {
    const token = newToken();
    const promise = rejects(t, fetch(respond(TARGET, { token, body: "text" }), init));
    await user.question(t);
    await rejects(t, fetch(preventing("*;max-age=60")));
    if ((await user.questions()).length > 0) {
      await user.decide(t, "visit");
    }
    await promise;
    assert_equals((await seen(token)).filter((record) => !record.isPreflight).length, isSent ? 1 : 0);
    assert_array_equals(await user.ledger(), []);
  }, `One that comes while the user thinks: ${title}`);

  user_test(async (t) => {
    const promise = fetch(respond(TARGET, { body: "text" }), init);
    await user.question(t);
    await rejects(t, fetch(preventing("*;max-age=60", ONCE_TOO)));
    await user.decide(t, "visit", (question) => question.hosts.includes(TARGET));
    assert_equals(await (await promise).text(), "text");
  }, `One of another server of its site is none of this one: ${title}`);
}
