// What every scene has: buttons that run its parts, verdicts on the page, and a report when it plays by itself.

/// Whether the scene plays by itself, for a browser without a person in front of it.
export const isAutomatic = new URL(location.href).searchParams.has("auto");

/// Shows the outcome of one part: `read` with what came of it, or `refused`.
export function show(id, outcome, text) {
  const verdict = document.getElementById(id);
  verdict.classList.remove("read", "refused");
  if (outcome) {
    verdict.classList.add(outcome);
  }
  verdict.textContent = text;
}

/// Runs a part when its button is pressed; the button rests meanwhile.
export function onPress(id, part) {
  const button = document.getElementById(id);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await part();
    } finally {
      button.disabled = false;
    }
  });
}

/// Plays the whole scene if it is to play by itself, and reports what came of it in an alert.
export async function playIfAutomatic(scene, play) {
  if (!isAutomatic) {
    return;
  }
  let report;
  try {
    report = { scene, ...(await play()) };
  } catch (error) {
    report = { scene, broken: `${error.name}: ${error.message}` };
  }
  // The verdicts are painted before the page stands still for the alert. A browser that shows no frames is not waited for.
  const painted = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const late = new Promise((resolve) => setTimeout(resolve, 1000));
  await Promise.race([painted, late]);
  alert(`SCENE ${JSON.stringify(report)}`);
}
