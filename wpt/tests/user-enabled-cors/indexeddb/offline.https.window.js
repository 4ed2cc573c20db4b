// META: title=User-enabled CORS: what was read can be kept and used offline
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

function database(t) {
  const name = newToken();
  t.add_cleanup(() => indexedDB.deleteDatabase(name));
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("kept");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
const put = (db, key, value) => done(db.transaction("kept", "readwrite").objectStore("kept").put(value, key));
const get = (db, key) => done(db.transaction("kept").objectStore("kept").get(key));

const KINDS = [
  ["text", (response) => response.text(), async (value) => value],
  ["JSON", (response) => response.json(), async (value) => JSON.stringify(value)],
  ["an ArrayBuffer", (response) => response.arrayBuffer(), async (value) => new TextDecoder().decode(value)],
  ["a Blob", (response) => response.blob(), (value) => value.text()],
];

for (const [title, read, textOf] of KINDS) {
  for (const method of ["GET", "PUT"]) {
    user_test(async (t) => {
      assert_implements_optional("indexedDB" in self, "IndexedDB");
      const db = await database(t);
      const token = newToken();
      const response = await user.fetch(t, "once", respond(TARGET, { token, body: '{"a":1}', type: "application/json" }), { method });
      await put(db, "response", await read(response));
      const before = (await seen(token)).length;

      await user.setPreference("user_cors.enabled", false);
      assert_equals(await textOf(await get(db, "response")), '{"a":1}');
      assert_equals((await seen(token)).length, before, "the server is not asked");
    }, `Kept, and there when nothing may be fetched any more: ${title}, ${method}`);
  }
}

user_test(async (t) => {
  assert_implements_optional("indexedDB" in self, "IndexedDB");
  const db = await database(t);
  const response = await user.fetch(t, "visit", respond(TARGET, { body: "kept" }));
  await put(db, "response", await response.text());
  await user.revokeAll();
  assert_equals(await get(db, "response"), "kept");
}, "To revoke does not call back what a page has kept");

user_test(async (t) => {
  assert_implements_optional("indexedDB" in self, "IndexedDB");
  const db = await database(t);
  await rejects(t, user.fetch(t, "not-now", respond(TARGET, { body: "secret" })).then((response) => put(db, "response", response)));
  assert_equals(await get(db, "response"), undefined);
}, "What was declined is not there to be kept");
