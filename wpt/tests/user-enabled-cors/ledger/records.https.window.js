// META: title=User-enabled CORS: the record of what was read
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/other-tab.js

const TARGET = ANSWERS.once;

// What is on record, when there is this much.
async function recordsOf(t, count) {
  await eventually(t, async () => (await user.ledger()).length >= count, "it is on record");
  const records = await user.ledger();
  assert_equals(records.length, count);
  return records;
}

async function hexDigest(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
  user_test(async (t) => {
    const response = await user.fetch(t, "once", respond(TARGET, { body: "12345", status: 203 }), { method });
    await response.text();
    const [record] = await recordsOf(t, 1);
    assert_equals(record.requester, TEST_ORIGIN);
    assert_equals(record.target, TARGET);
    assert_equals(record.method, method);
    assert_equals(record.status, 203);
    assert_equals(record.path, "/user-enabled-cors/resources/respond.py");
    assert_equals(record.bytes, method === "HEAD" ? 0 : 5);
    assert_equals(record.allowedBy, "once");
  }, `Who, whom, and what: ${method}`);
}

user_test(async (t) => {
  const response = await user.fetch(t, "once", respond(TARGET, { secret: "in-the-query", body: "in-the-body" }), { headers: { "X-Custom": "in-a-field" } });
  await response.text();
  const text = JSON.stringify(await recordsOf(t, 1));
  for (const secret of ["in-the-query", "in-the-body", "in-a-field"]) {
    assert_false(text.includes(secret), secret);
  }
}, "Neither query nor body nor header fields");

for (const size of [0, 1, 100000, 3000000]) {
  user_test(async (t) => {
    const response = await user.fetch(t, "visit", respond(TARGET, { size }));
    const bytes = await response.arrayBuffer();
    const [record] = await recordsOf(t, 1);
    assert_equals(record.bytes, size);
    assert_equals(record.sha256, await hexDigest(bytes));
  }, `Bytes and digest: ${size}`);
}

user_test(async (t) => {
  const gate = newToken();
  const controller = new AbortController();
  const promise = fetch(respond(TARGET, { "hold-body": gate, body: "abcd" }), { signal: controller.signal });
  await user.decide(t, "visit");
  const reader = (await promise).body.getReader();
  await reader.read();
  assert_array_equals(await user.ledger(), [], "not before it ends");
  controller.abort();
  const [record] = await recordsOf(t, 1);
  assert_equals(record.bytes, 2);
  assert_equals(record.sha256, null, "there is no digest of a part");
  await release(gate);
}, "A body that was not read to its end");

for (const [choice, allowedBy] of [["once", "once"], ["visit", "visit"], ["always", "persistent"]]) {
  user_test(async (t) => {
    await user.fetch(t, choice, respond(TARGET)).then((response) => response.text());
    const [record] = await recordsOf(t, 1);
    assert_equals(record.allowedBy, allowedBy);
  }, `By what it was allowed: ${choice}`);
}

user_test(async (t) => {
  await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
  await fetch(respond(TARGET)).then((response) => response.text());
  const [record] = await recordsOf(t, 1);
  assert_equals(record.allowedBy, "policy");
}, "By what it was allowed: policy");

user_test(async (t) => {
  for (let count = 1; count <= 3; count++) {
    await user.advance(1000);
    await user.fetch(t, "once", respond(TARGET, { status: 200 + count })).then((response) => response.text());
    await recordsOf(t, count);
  }
  const records = await user.ledger();
  assert_array_equals(records.map((record) => record.status), [203, 202, 201]);
  assert_greater_than(records[0].time, records[2].time);
}, "The newest first");

for (const [title, read] of [
  ["what was declined", async (t) => rejects(t, user.fetch(t, "not-now", respond(TARGET)))],
  ["what is never allowed", async (t) => rejects(t, user.fetch(t, "never", respond(TARGET)))],
  ["what nobody was asked about", async (t) => rejects(t, fetch(respond(LOCAL)))],
  ["what the server allows", async () => (await fetch(respond(TARGET, { header: ALLOW_ALL }))).text()],
  ["what is the page's own", async () => (await fetch(respond(TEST_ORIGIN))).text()],
  ["what is not read", async () => fetch(respond(TARGET), { mode: "no-cors" })],
  ["a server that spoke to the anonymous request", async (t) => {
    await rejects(t, user.fetch(t, "once", respond(TARGET, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` }), { method: "PUT" }));
  }],
]) {
  user_test(async (t) => {
    await read(t);
    // What comes later is there, and nothing before it.
    await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: ANSWERS.never }] });
    await fetch(respond(ANSWERS.never)).then((response) => response.text());
    await eventually(t, async () => (await user.ledger()).some((record) => record.target === ANSWERS.never), "it is on record");
    assert_array_equals((await user.ledger()).filter((record) => record.target === TARGET), []);
  }, `Not on record: ${title}`);
}

user_test(async (t) => {
  await user.fetch(t, "once", redirect(TARGET, respond(ONCE_TOO, { body: "end" }))).then((response) => response.text());
  const records = await recordsOf(t, 2);
  assert_array_equals(records.map((record) => record.target).sort(), [TARGET, ONCE_TOO].sort());
  const first = records.find((record) => record.target === TARGET);
  assert_equals(first.path, "/user-enabled-cors/resources/redirect.py");
  const last = records.find((record) => record.target === ONCE_TOO);
  assert_equals(last.path, "/user-enabled-cors/resources/respond.py");
  assert_equals(last.bytes, 3);
}, "A chain of redirects, with each of its targets and what was asked of it");

user_test(async (t) => {
  const image = new Image();
  image.crossOrigin = "anonymous";
  const shown = new Promise((resolve) => (image.onload = image.onerror = (event) => resolve(event.type)));
  image.src = new URL("/user-enabled-cors/resources/green.png", TARGET).href;
  await user.decide(t, "once");
  assert_equals(await shown, "load");
  const [record] = await recordsOf(t, 1);
  assert_equals(record.path, "/user-enabled-cors/resources/green.png");
}, "An image");

user_test(async (t) => {
  const tab = await openTab(t);
  const promise = tab.run((url) => fetch(url).then((response) => response.text()), respond(TARGET, { body: "text" }));
  await tab.user.decide(t, "once");
  assert_equals(await promise, "text");
  const [record] = await recordsOf(t, 1);
  assert_equals(record.target, TARGET);
}, "What was read in another tab");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET)).then((response) => response.text());
  await recordsOf(t, 1);
  await user.revokeAll();
  assert_equals((await user.ledger()).length, 1);
}, "It stays when what allowed it is revoked");
