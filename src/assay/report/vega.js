const dark = matchMedia("(prefers-color-scheme: dark)");
const themed = getComputedStyle(document.documentElement).colorScheme.includes("dark");
function drawCharts() {
  for (const [name, spec] of Object.entries(specs)) {
    vegaEmbed("#" + CSS.escape(name), spec, {
      renderer: "svg", theme: themed && dark.matches ? "dark" : undefined,
      actions: {export: {svg: true, png: true}, source: true, compiled: false, editor: false},
      config: {background: "transparent", font: "system-ui, sans-serif", axis: {labelFontSize: 12, titleFontSize: 12}, legend: {labelFontSize: 12}},
      downloadFileName: name,
    });
  }
}
dark.addEventListener("change", drawCharts);
drawCharts();
