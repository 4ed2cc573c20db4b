// META: title=User-enabled CORS: a policy that is wrong switches the feature off
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// It never falls open, and what is wrong is told with its line and column.
const TARGET = ANSWERS.once;
const wrapped = (text) => `{"policies": {"UserEnabledCORS": ${text}}}`;

for (const [title, text] of [
  ["nothing", ""],
  ["no JSON", "Enabled: true"],
  ["JSON that is cut", '{"policies": {"UserEnabledCORS": {"Enabled": true}'],
  ["more after its end", `${wrapped("{}")} x`],
  ["a list", "[]"],
  ["no policies", "{}"],
  ["an unknown key at the top", '{"policies": {}, "other": 1}'],
  ["an unknown key beside it", '{"policies": {"Other": {}}}'],
  ["an unknown key", wrapped('{"Enabledd": true}')],
  ["a key in other letters", wrapped('{"enabled": true}')],
  ["a key twice", wrapped('{"Enabled": true, "Enabled": true}')],
  ["Enabled as text", wrapped('{"Enabled": "true"}')],
  ["Enabled as null with a comma after it", wrapped('{"Enabled": true,}')],
  ["LocalNetwork: allow", wrapped('{"LocalNetwork": "allow"}')],
  ["BlockedTargets as text", wrapped(`{"BlockedTargets": "${TARGET}"}`)],
  ["BlockedTargets with a path", wrapped(`{"BlockedTargets": ["${TARGET}/"]}`)],
  ["BlockedTargets with *", wrapped('{"BlockedTargets": ["*"]}')],
  ["BlockedTargets with a public suffix", wrapped('{"BlockedTargets": ["*.com"]}')],
  ["BlockedTargets with * in the middle", wrapped('{"BlockedTargets": ["https://a.*.example"]}')],
  ["AllowedPairs without a target", wrapped(`{"AllowedPairs": [{"Requester": "${TEST_ORIGIN}"}]}`)],
  ["AllowedPairs with an unknown key", wrapped(`{"AllowedPairs": [{"Requester": "${TEST_ORIGIN}", "Target": "${TARGET}", "Methods": []}]}`)],
  ["AllowedPairs with *", wrapped('{"AllowedPairs": [{"Requester": "*", "Target": "*"}]}')],
  ["BlockedRequesters with a number", wrapped('{"BlockedRequesters": [1]}')],
  ["AddressSpaces with an unknown space", wrapped('{"AddressSpaces": {"10.0.0.0/8": "private"}}')],
  ["AddressSpaces with an address instead of a range", wrapped('{"AddressSpaces": {"10.0.0.1": "local"}}')],
  ["AddressSpaces with a range twice", wrapped('{"AddressSpaces": {"10.0.0.0/8": "local", "10.0.0.0/8": "public"}}')],
  ["AddressSpaces with a range of IPv4 as one of IPv6", wrapped('{"AddressSpaces": {"::ffff:10.0.0.0/104": "public"}}')],
  ["Blocklists as text", wrapped('{"Blocklists": "/lists/banks.txt"}')],
  ["Blocklists with a path that depends on a folder", wrapped('{"Blocklists": ["banks.txt"]}')],
  ["ExtraRoots as text", wrapped('{"ExtraRoots": "/roots.pem"}')],
  ["Egress with an unknown scheme", wrapped('{"Egress": "ftp://proxy.example"}')],
  ["Egress with a path", wrapped('{"Egress": "http://proxy.example:3128/path"}')],
  ["Egress with a user", wrapped('{"Egress": "socks5://user@proxy.example:1080"}')],
  ["DualCheck as text", wrapped('{"DualCheck": "true"}')],
  ["MaxGrantDays below 0", wrapped('{"MaxGrantDays": -1}')],
  ["MaxGrantDays above 180", wrapped('{"MaxGrantDays": 181}')],
  ["MaxGrantDays as text", wrapped('{"MaxGrantDays": "30"}')],
  ["Locked as a number", wrapped('{"Locked": 1}')],
]) {
  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET));
    await user.setPolicy(text);
    await user.assertRefused(t, respond(TARGET));
    await user.assertRefused(t, respond(ONCE_TOO));
    await user.assertRefused(t, respond(TARGET), { method: "PUT" });
    const response = await fetch(respond(TARGET, { header: ALLOW_ALL, body: "text" }));
    assert_equals(await response.text(), "text", "what the server allows is as ever");
    await user.setPolicy(null);
    await user.assertRead(respond(TARGET));
  }, `Off: ${title}`);
}

for (const [title, text] of [
  ["an empty object of policies", '{"policies": {}}'],
  ["an empty policy", wrapped("{}")],
  ["white space", `\n\t ${wrapped(" {\n} ")} \n`],
  ["empty lists", wrapped('{"BlockedTargets": [], "AllowedPairs": [], "BlockedRequesters": [], "AddressSpaces": {}, "ExtraRoots": []}')],
  ["all that there is", wrapped('{"Enabled": true, "LocalNetwork": "block", "BlockedTargets": ["*.bank.example"], "Egress": "direct", "DualCheck": false, "MaxGrantDays": 30, "Locked": true}')],
]) {
  user_test(async (t) => {
    await user.setPolicy(text);
    await user.fetch(t, "once", respond(TARGET));
  }, `On: ${title}`);
}

user_test(async () => {
  const { usable, problem } = await user.setPolicy('{"policies": {\n"UserEnabledCORS": {"Enabledd": true}}}');
  assert_equals(usable, false);
  assert_true(problem.includes("line 2") && problem.includes("Enabledd"), problem);
}, "What is wrong is told, and where");
