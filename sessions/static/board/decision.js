// The form for a new decision: a quiet count, an example that can be taken back, one submission.

import { sendOnce } from "./once.js";

const digits = new Intl.NumberFormat("en-GB");

function count(output) {
  const field = document.getElementById(output.dataset.countFor);
  const most = Number(output.dataset.most);
  const show = () => {
    const length = [...field.value].length;
    const near = length > most * 0.8;
    output.textContent = length === 0 ? "" : `${digits.format(length)}${near ? ` of ${digits.format(most)}` : ""} characters`;
    output.classList.toggle("near", near && length <= most);
    output.classList.toggle("over", length > most);
  };
  field.addEventListener("input", show);
  show();
}

function example(link) {
  const texts = JSON.parse(document.getElementById("example").textContent);
  const label = link.textContent;
  let mine = null;
  const fill = (values) => {
    for (const [name, value] of Object.entries(values)) {
      const field = document.getElementById(`id_${name}`);
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (mine) {
      fill(mine);
      mine = null;
      link.textContent = label;
      return;
    }
    mine = Object.fromEntries(Object.keys(texts).map((name) => [name, document.getElementById(`id_${name}`).value]));
    fill(texts);
    link.textContent = Object.values(mine).some(Boolean) ? "Put my own text back" : "Empty the form again";
  });
}

document.querySelectorAll("[data-count-for]").forEach(count);
document.querySelectorAll("[data-example]").forEach(example);
sendOnce();
