// For comfort alone: every page works without it.

// Counts down to the moment that a <time data-countdown> names.
const countdowns = document.querySelectorAll("time[data-countdown]");
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const left = (seconds) => {
  if (seconds <= 0) return "expired";
  // To the nearest of the smaller unit.
  const unit = seconds < 3600 ? 1 : seconds < 86400 ? 60 : 3600;
  seconds = Math.floor((seconds + unit / 2) / unit) * unit;
  const first = units.findIndex(([, size]) => seconds >= size);
  const parts = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    const count = Math.floor(seconds / size);
    seconds %= size;
    if (count) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
  }
  return `in ${parts.join(" ")}`;
};
const tick = () => {
  for (const time of countdowns) {
    time.textContent = left(Math.ceil((Date.parse(time.dateTime) - Date.now()) / 1000));
  }
};
if (countdowns.length) {
  tick();
  setInterval(tick, 1000);
}

// A copy button for each [data-copy], where the browser has a clipboard to offer.
if (navigator.clipboard) {
  for (const source of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    source.after(button);
  }
}

// Shows that an answer takes its time.
addEventListener("submit", ({ submitter }) => submitter?.setAttribute("aria-busy", "true"));
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});
