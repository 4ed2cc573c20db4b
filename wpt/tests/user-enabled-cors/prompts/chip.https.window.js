// META: title=User-enabled CORS: a quiet chip, before there was input
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  const question = await user.question(t);
  assert_equals(question.state, "chip");
  await user.decide(t, "once");
  await promise;
}, "Before there was input in the page there is a chip");

user_test(async (t) => {
  const promise = fetch(respond(TARGET, { body: "text" }));
  await user.question(t);
  await user.look();
  assert_false((await user.answer("once")).accepted, "there is nothing to be seen yet");
  await user.openChip();
  assert_equals((await user.questions())[0].state, "open");
  await user.look();
  assert_true((await user.answer("once")).accepted);
  assert_equals(await (await promise).text(), "text");
}, "It is opened before it is answered");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.look(60000);
  await user.openChip();
  assert_false((await user.answer("once")).accepted);
  await user.look(699);
  assert_false((await user.answer("once")).accepted, "time with the chip does not count");
  await user.look(700);
  assert_true((await user.answer("once")).accepted);
  await promise;
}, "The wait begins when it is opened");

user_test(async (t) => {
  await user.input();
  const promise = fetch(respond(TARGET));
  const question = await user.question(t);
  assert_equals(question.state, "open");
  await user.decide(t, "once");
  await promise;
}, "After input it is open");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  assert_equals((await user.question(t)).state, "chip");
  await user.input();
  assert_equals((await user.question(t)).state, "open");
  await user.decide(t, "once");
  await promise;
}, "Input opens it");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.openChip();
  await user.decide(t, "visit");
  await promise;
  const second = fetch(respond(ONCE_TOO));
  assert_equals((await user.question(t)).state, "chip", "to open one is no input in the page");
  await user.decide(t, "once");
  await second;
}, "The next question is quiet again");

user_test(async (t) => {
  const script = document.createElement("button");
  let clicks = 0;
  script.onclick = () => clicks++;
  script.click();
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "a" }));
  assert_equals(clicks, 1);
  const promise = fetch(respond(TARGET));
  assert_equals((await user.question(t)).state, "chip");
  await user.decide(t, "once");
  await promise;
}, "Events that a script makes are no input");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.advance(119999);
  assert_equals((await user.questions()).length, 1);
  await user.advance(1);
  await rejects(t, promise);
  await user.assertNotAsked();
}, "A chip that nobody opens ends like any question");
