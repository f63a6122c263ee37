// For comfort alone: every page works without it.

// Counts down to the moment that a <time data-countdown> names.
const countdowns = document.querySelectorAll("time[data-countdown]");
const left = (seconds) => {
  const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return "expired";
  const parts = units.slice(first, first + 2).map(([size, name], index, [[larger]]) => {
    const count = Math.floor((index ? seconds % larger : seconds) / size);
    return `${count} ${name}${count === 1 ? "" : "s"}`;
  });
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
