// META: title=User-enabled CORS: the person who thinks, while a server speaks HTTP/2
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/http2.sub.js
// META: script=/user-enabled-cors/resources/user.js

user_test(async (t) => {
  const held = [];
  for (let count = 0; count < 100; count++) {
    held.push(rejects(t, fetch(respond(H2_ONCE, { endless: "", n: count }))));
  }
  await user.question(t);
  const token = newToken();
  const allowed = await fetch(respond(H2_ONCE, { size: 1000000, header: ALLOW_ALL, token }));
  assert_equals((await allowed.arrayBuffer()).byteLength, 1000000);
  await user.decide(t, "not-now");
  await Promise.all(held);
}, "A hundred endless bodies that are held keep an ordinary response of the same server from nothing");
