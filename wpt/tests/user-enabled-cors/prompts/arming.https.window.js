// META: title=User-enabled CORS: a question has to be looked at before it is answered
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

// A promise inside an object, so that it is not awaited too early.
async function asked(t, url) {
  await user.input();
  const promise = fetch(url || respond(TARGET, { body: "text" }));
  const question = await user.question(t);
  return { promise, question };
}
const assertTaken = async (choice = "once") => {
  const { accepted, why } = await user.answer(choice);
  assert_true(accepted, why);
};
const assertNotTaken = async (choice = "once") => assert_false((await user.answer(choice)).accepted);

for (const [choice, isRead] of [["once", true], ["visit", true], ["always", true], ["not-now", false], ["never", false]]) {
  user_test(async (t) => {
    const { promise } = await asked(t);
    await user.look(699);
    assert_false((await user.questions())[0].armed);
    await assertNotTaken(choice);
    await user.look(700);
    assert_true((await user.questions())[0].armed);
    await assertTaken(choice);
    await (isRead ? promise : rejects(t, promise));
  }, `699 ms are too few and 700 ms enough: ${choice}`);
}

user_test(async (t) => {
  const { promise } = await asked(t);
  await assertNotTaken();
  await user.look(0);
  await assertNotTaken();
  await user.look();
  await assertTaken();
  await promise;
}, "What was not looked at is not answered");

user_test(async (t) => {
  const { promise } = await asked(t);
  await user.look(350);
  await user.look(350);
  await assertTaken();
  await promise;
}, "Two looks add up");

user_test(async (t) => {
  const { promise } = await asked(t);
  await user.look(690);
  await assertNotTaken();
  await user.look(10);
  await assertNotTaken();
  await user.look(699);
  await assertNotTaken();
  await user.look(700);
  await assertTaken();
  await promise;
}, "An early click begins the wait again");

for (const [title, looks] of [
  ["all of it", [[700, false]]],
  ["a long one", [[60000, false]]],
  ["its end", [[600, true], [100, false]]],
  ["its middle", [[350, true], [1, false], [350, true]]],
]) {
  user_test(async (t) => {
    const { promise } = await asked(t);
    for (const [ms, focused] of looks) {
      await user.look(ms, focused);
    }
    await assertNotTaken();
    await user.look();
    await assertTaken();
    await promise;
  }, `A look in a window without the focus does not count: ${title}`);
}

for (const [title, ms] of [["699 ms", 699], ["700 ms", 700], ["a minute", 60000]]) {
  user_test(async (t) => {
    const { promise, question } = await asked(t);
    await user.look(ms);
    const second = fetch(respond(ONCE_TOO));
    const changed = await user.question(t, (now) => now.hosts.length === 2);
    assert_equals(changed.id, question.id);
    assert_not_equals(changed.revision, question.revision);
    assert_false(changed.armed);
    await assertNotTaken();
    await user.look(699);
    await assertNotTaken();
    await user.look(700);
    await assertTaken();
    await Promise.all([promise, second]);
  }, `A change of what it says begins the wait again: after ${title}`);
}

user_test(async (t) => {
  const { promise } = await asked(t);
  await user.look();
  const second = fetch(respond(ONCE_TOO));
  await user.question(t, (now) => now.hosts.length === 2);
  await user.advance(700);
  await assertNotTaken();
  await user.look();
  await assertTaken();
  await Promise.all([promise, second]);
}, "A click on what was shown before the change counts for nothing");

user_test(async (t) => {
  const { promise } = await asked(t);
  await user.look();
  const { revision } = (await user.questions())[0];
  const second = fetch(respond(TARGET, { n: 2 }));
  // That one waits as well; this one's server answers after it.
  await fetch(respond(TEST_ORIGIN));
  await fetch(respond(TARGET, { header: ALLOW_ALL }));
  const [question] = await user.questions();
  assert_equals(question.revision, revision);
  assert_true(question.armed);
  await assertTaken("visit");
  await Promise.all([promise, second]);
}, "A request that adds nothing begins no wait");

user_test(async (t) => {
  const { promise } = await asked(t);
  const put = fetch(respond(TARGET), { method: "PUT" });
  await user.question(t, (question) => question.requests.length === 2);
  await user.look();
  await assertTaken();
  await Promise.all([promise, put]);
}, "What has changed before it was looked at does no harm");

user_test(async (t) => {
  const { promise } = await asked(t);
  await user.advance(100000);
  await user.look(699);
  await assertNotTaken();
  await user.look(700);
  await assertTaken();
  await promise;
}, "Time in which it was not in view does not count");
