// META: title=User-enabled CORS: refused requests have the timing entries that they had
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/refusals.sub.js

// An entry without what every request has of its own: its name, and when it was.
function shapeOf(entry) {
  const shape = {};
  for (const [key, value] of Object.entries(entry.toJSON())) {
    if (key !== "name") {
      shape[key] = typeof value === "number" && key !== "responseStatus" ? value > 0 : value;
    }
  }
  return JSON.stringify(shape);
}

async function entriesOf(t, url, init) {
  await fetch(url, init).then(
    () => assert_unreached("it is refused"),
    () => {}
  );
  // Entries are there after a while; some that were requested later and are there say that there is no other to come.
  for (let count = 0; count < 3; count++) {
    const later = respond(TEST_ORIGIN, { later: newToken() });
    await (await fetch(later)).text();
    await eventually(t, () => performance.getEntriesByName(later).length > 0, "there is an entry");
  }
  return performance.getEntriesByName(url).map(shapeOf);
}

for (const [title, url, init] of refusals()) {
  promise_test(async (t) => {
    const plain = await entriesOf(t, plainFailure({ for: newToken() }), init);
    const refused = await entriesOf(t, `${url}&for=${newToken()}`, init);
    assert_array_equals(refused, plain);
  }, `The same timing entry as ever: ${title}`);
}
