// META: title=User-enabled CORS: opt-outs carry no bits from one site to another
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/opt-out.sub.js

// A site writes a number by having some of a server's hosts opt out, and another site reads it by who may be asked about.
const BITS = [true, false, true, true, false];
const HOSTS = TARGETS.slice(0, BITS.length);
const preventing = (target) => respond(target, { header: "Access-Control-Prevent-Origin:*;max-age=3600" });
const isRead = (url) => fetch(url).then(() => true, () => false);

// Reads all of them in a top-level page of another site.
function readElsewhere(t, urls) {
  const script = `
    Promise.all(${JSON.stringify(urls)}.map((url) => fetch(url).then(() => true, () => false)))
      .then((result) => opener.postMessage({ result }, "*"));`;
  const page = respond(ANSWERS.never, { type: "text/html", body: `<script>${script}<\/script>` });
  return new Promise((resolve) => {
    addEventListener("message", (event) => resolve(event.data.result), { once: true });
    const other = window.open(page);
    t.add_cleanup(() => other.close());
  });
}

const write = () => Promise.all(HOSTS.map((host, index) => isRead(BITS[index] ? preventing(host) : respond(host))));

answered_test("once", async () => {
  await write();
  const read = await Promise.all(HOSTS.map((host) => isRead(respond(host))));
  assert_array_equals(read, BITS.map((bit) => !bit), "the site itself sees what it has written");
}, "What a site has written is there for itself");

answered_test("once", async (t) => {
  await write();
  assert_array_equals(await readElsewhere(t, HOSTS.map((host) => respond(host))), BITS.map(() => true));
}, "What one site has written no other reads");

answered_test("once", async (t) => {
  const urls = HOSTS.map((host, index) => (BITS[index] ? preventing(host) : respond(host)));
  assert_array_equals(await readElsewhere(t, urls), BITS.map((bit) => !bit));
  assert_array_equals(await Promise.all(HOSTS.map((host) => isRead(respond(host)))), BITS.map(() => true));
}, "What another has written this one does not read");

answered_test("once", async () => {
  await write();
  const { opt_outs } = await user.permissions();
  assert_equals(opt_outs.length, BITS.filter((bit) => bit).length);
  assert_equals(new Set(opt_outs.map((optOut) => optOut.top_level_site)).size, 1);
}, "Each is remembered with the site at which it was said");

user_test(async (t) => {
  await user.policy({ Enabled: false });
  await rejects(t, fetch(preventing(HOSTS[0])));
  assert_array_equals((await user.permissions()).opt_outs, []);
}, "Switched off, nothing is remembered");
