// META: title=User-enabled CORS: what the user allows passes no timing check
// META: script=/user-enabled-cors/resources/servers.sub.js

// What only a timing check lets a page see.
const HIDDEN = [
  "redirectStart", "redirectEnd", "domainLookupStart", "domainLookupEnd", "connectStart", "connectEnd", "secureConnectionStart",
  "requestStart", "responseStart", "transferSize", "encodedBodySize", "decodedBodySize",
];

async function entryOf(t, url, init) {
  await (await fetch(url, init)).text();
  await eventually(t, () => performance.getEntriesByName(url).length > 0, "there is an entry");
  return performance.getEntriesByName(url)[0];
}

const TAO = "Timing-Allow-Origin:*";
for (const [title, header] of [["without Timing-Allow-Origin", []], ["with Timing-Allow-Origin", [TAO]]]) {
  for (const [kind, init] of [["released", {}], ["anonymous", { method: "PUT" }]]) {
    promise_test(async (t) => {
      const entry = await entryOf(t, respond(ANSWERS.once, { body: "text", header, for: newToken() }), init);
      for (const name of HIDDEN) {
        assert_equals(entry[name] || 0, 0, name);
      }
      assert_greater_than(entry.startTime, 0);
      assert_greater_than_equal(entry.responseEnd, entry.startTime);
    }, `A response that is ${kind}, ${title}`);
  }
}

promise_test(async (t) => {
  const url = redirect(ANSWERS.once, respond(ANSWERS.visit, { body: "text", header: TAO }), { header: TAO, for: newToken() });
  const entry = await entryOf(t, url);
  for (const name of HIDDEN) {
    assert_equals(entry[name] || 0, 0, name);
  }
}, "A chain of redirects");

promise_test(async (t) => {
  const entry = await entryOf(t, respond(ANSWERS.once, { body: "text", header: [ALLOW_ALL, TAO], for: newToken() }));
  assert_greater_than(entry.requestStart, 0);
  assert_greater_than(entry.responseStart, 0);
}, "A response that its server allows by both is timed");

promise_test(async (t) => {
  const entry = await entryOf(t, respond(ANSWERS.once, { body: "text", header: ALLOW_ALL, for: newToken() }));
  for (const name of HIDDEN) {
    assert_equals(entry[name] || 0, 0, name);
  }
}, "One that it allows by CORS alone is not");
