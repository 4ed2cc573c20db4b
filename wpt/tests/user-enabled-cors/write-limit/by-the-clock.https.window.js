// META: title=User-enabled CORS: the limit of writes is one a minute
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

user_test(async (t) => {
  const first = fetch(respond(TARGET), { method: "PUT" });
  await user.decide(t, "visit");
  await first;
  const put = () => fetch(respond(TARGET), { method: "PUT" });
  let count = 1;
  while (count < 70 && (await put().then(() => true, () => false))) {
    count++;
  }
  assert_equals(count, 60, "writes within a minute");
  await user.advance(60001);
  await put();
}, "After a minute there may be others");

user_test(async (t) => {
  const promises = [TARGET, ONCE_TOO].map((target) => fetch(respond(target), { method: "POST", body: "x" }));
  await user.decide(t, "visit", (question) => question.requests.length === 2);
  await Promise.all(promises);
  for (let count = 0; count < 70; count++) {
    await fetch(respond(TARGET), { method: "POST", body: "x" }).catch(() => {});
  }
  await fetch(respond(ONCE_TOO), { method: "POST", body: "x" });
}, "Each permission has its own");
