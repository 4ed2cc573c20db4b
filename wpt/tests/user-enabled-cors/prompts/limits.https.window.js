// META: title=User-enabled CORS: how much one question lists
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/many-hosts.sub.js

const TARGET = ANSWERS.once;

user_test(async (t) => {
  const promises = [];
  for (const origin of MANY_ORIGINS.slice(0, 16)) {
    promises.push(fetch(respond(origin)));
    await user.question(t, (question) => question.hosts.length === promises.length);
  }
  await user.decide(t, "once");
  for (const promise of promises) {
    assert_equals((await promise).status, 200);
  }
}, "16 hosts");

user_test(async (t) => {
  const promises = [];
  for (const origin of MANY_ORIGINS.slice(0, 16)) {
    promises.push(fetch(respond(origin)));
    await user.question(t, (question) => question.hosts.length === promises.length);
  }
  await rejects(t, fetch(respond(MANY_ORIGINS[16])));
  const [question] = await user.questions();
  assert_equals(question.hosts.length, 16);
  assert_false(question.hosts.includes(MANY_ORIGINS[16]));
  const joining = fetch(respond(MANY_ORIGINS[0]));
  await user.question(t, (now) => now.requests.length === 17);
  await user.decide(t, "once");
  await Promise.all([...promises, joining]);
}, "A seventeenth fails, and another request of one of the sixteen does not");

user_test(async (t) => {
  let failures = 0;
  let allOthersFailed;
  const others = new Promise((resolve) => (allOthersFailed = resolve));
  const failed = () => {
    failures += 1;
    if (failures === MANY_ORIGINS.length - 16) {
      allOthersFailed();
    }
    return false;
  };
  const promises = MANY_ORIGINS.map((origin) => fetch(respond(origin)).then(() => true, failed));
  await user.question(t, (question) => question.hosts.length === 16);
  // One that came after the answer would be asked about anew.
  await others;
  const { hosts } = await user.decide(t, "visit");
  const results = await Promise.all(promises);
  assert_equals(results.filter((isRead) => isRead).length, 16);
  assert_array_equals(MANY_ORIGINS.filter((_, index) => results[index]).sort(), [...hosts].sort(), "those that were shown");
}, "As many as a page can make at once");

user_test(async (t) => {
  const promises = [];
  for (let count = 0; count < 64; count++) {
    promises.push(fetch(respond(TARGET, { n: count })).then((response) => response.status));
  }
  await user.question(t, (question) => question.requests.length === 64);
  await user.decide(t, "once");
  assert_array_equals(await Promise.all(promises), Array(64).fill(200));
  await user.assertNotAsked();
}, "64 requests");

user_test(async (t) => {
  const promises = [];
  for (let count = 0; count < 70; count++) {
    promises.push(fetch(respond(TARGET, { n: count })).then((response) => response.status));
  }
  await user.question(t, (question) => question.requests.length === 64);
  await user.decide(t, "visit");
  assert_array_equals(await Promise.all(promises), Array(70).fill(200));
  await user.assertNotAsked();
}, "More wait unlisted, and a visit covers them");

user_test(async (t) => {
  const promises = [];
  for (let count = 0; count < 64; count++) {
    promises.push(fetch(respond(TARGET, { n: count })).then((response) => response.status));
  }
  await user.question(t, (question) => question.requests.length === 64);
  const more = fetch(respond(TARGET, { n: "more" })).then((response) => response.status);
  // This one's server answers after that one's.
  await fetch(respond(TARGET, { header: ALLOW_ALL }));
  await user.decide(t, "once");
  assert_array_equals(await Promise.all(promises), Array(64).fill(200));
  const rest = await user.decide(t, "once");
  assert_equals(rest.requests.length, 1);
  assert_true(rest.requests[0].url.includes("n=more"));
  assert_equals(await more, 200);
}, "Once does not cover those, and they ask");

user_test(async (t) => {
  const promises = [];
  for (let count = 0; count < 64; count++) {
    promises.push(fetch(respond(TARGET, { n: count })).then((response) => response.status));
  }
  await user.question(t, (question) => question.requests.length === 64);
  await rejects(t, fetch(respond(TARGET), { method: "PUT" }));
  await rejects(t, fetch(respond(ONCE_TOO)));
  const [question] = await user.questions();
  assert_equals(question.action, "read");
  assert_array_equals(question.hosts, [TARGET]);
  await user.decide(t, "visit");
  await Promise.all(promises);
}, "What would add something to a full question fails");
