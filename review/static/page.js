// Picking candidates by mouse or keyboard, or typing phrases, and sending the answer. Without a question, nothing.
"use strict";

const SUGGESTED = 10; // picks, as in the paper
const grid = document.getElementById("candidates");
if (grid) review(grid);

function review(grid) {
  const tiles = [...grid.querySelectorAll(".candidate")];
  const byId = (id) => document.getElementById(id);
  const dialog = byId("dialog");
  const form = dialog.querySelector("form");
  const phrases = [...grid.querySelectorAll(".phrase input")];
  const picked = () => tiles.filter((tile) => tile.getAttribute("aria-pressed") === "true");

  function toggle(element) {
    element.setAttribute("aria-pressed", String(element.getAttribute("aria-pressed") !== "true"));
  }

  function count() {
    if (phrases.length) return;
    const many = picked().length > SUGGESTED;
    byId("counter").textContent = `${picked().length} picked${many ? `: about ${SUGGESTED} at most are suggested` : ""}`;
    byId("counter").classList.toggle("many", many);
  }

  function move(key) {
    const at = tiles.indexOf(document.activeElement);
    const columns = tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
    const next = at < 0 ? tiles[0] : tiles[at + step];
    if (next) next.focus();
  }

  function decide() {
    if (phrases.length) byId("picked").replaceChildren(phrases.map((input) => input.value).join(" · "));
    else byId("picked").replaceChildren(
      ...picked().map((tile) => tile.querySelector("img").cloneNode()),
      ...(picked().length ? [] : ["Nothing picked: “approve” and “another round” need picks."]));
    byId("error").textContent = "";
    dialog.showModal();
  }

  async function send(event) {
    event.preventDefault(); // the dialog closes when the answer is taken
    byId("submit").disabled = true;
    const answer = {
      decision: form.elements.decision.value,
      picks: picked().map((tile) => Number(tile.dataset.number)),
      phrases: phrases.map((input) => input.value),
      reviewer: form.elements.reviewer.value,
      note: form.elements.note.value,
      candidates: document.body.dataset.candidates,
    };
    try {
      const response = await fetch(location.pathname, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-Review-Token": new URLSearchParams(location.search).get("token") || "",
        },
        body: JSON.stringify(answer),
      });
      const result = await response.json();
      if (!response.ok) throw new Error(result.error);
      localStorage.setItem("reviewer", answer.reviewer);
      const said = document.createElement("p");
      said.id = "said";
      said.textContent = `Answered: ${result.said}`;
      const back = document.createElement("a");
      back.href = "/";
      back.textContent = "Waiting styles";
      dialog.close();
      document.body.className = "plain";
      document.body.replaceChildren(said, back);
    } catch (error) {
      byId("error").textContent = error.message;
      byId("submit").disabled = false;
    }
  }

  grid.addEventListener("click", (event) => {
    const tile = event.target.closest(".candidate");
    if (tile) { toggle(tile); tile.focus(); count(); }
  });
  byId("decide").addEventListener("click", decide);
  byId("back").addEventListener("click", () => dialog.close());
  byId("scores")?.addEventListener("click", (event) => {
    toggle(event.currentTarget);
    document.body.classList.toggle("show-scores");
  });
  form.addEventListener("submit", send);
  document.addEventListener("keydown", (event) => {
    if (dialog.open || event.ctrlKey || event.altKey || event.metaKey) return;
    if (phrases.length) {
      if (event.key !== "Enter" || document.activeElement.matches("button, a")) return;
      event.preventDefault();
      return decide();
    }
    if (event.key.startsWith("Arrow")) move(event.key);
    else if (event.key === "Enter" && (tiles.includes(document.activeElement) || document.activeElement === document.body)) decide();
    else if (event.key === "s") byId("scores").click();
    else return;
    event.preventDefault();
  });
  form.elements.reviewer.value = localStorage.getItem("reviewer") || "";
  count();
}
