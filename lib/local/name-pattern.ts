/**
 * A pattern of file names as shells have it: `*` and `?` within a name, `**` over folders, `[a-z]`, `{one,two}`. Without a
 * slash it is held against each name on the way, so that "node_modules" leaves out all below it; with one, against the path.
 * Upper and lower case are the same.
 */
export function namePattern(text: string): (inside: string) => boolean {
  const isPath = text.replace(/\/$/, "").includes("/");
  const whole = new RegExp(`^${expression(text.replace(/^\.?\/|\/$/g, ""))}$`, "iu");
  return (inside) => {
    const names = inside.split(/[\\/]/);
    if (!isPath) return names.some((name) => whole.test(name));
    return names.some((_, last) => whole.test(names.slice(0, last + 1).join("/")));
  };
}

function expression(pattern: string): string {
  let out = "";
  let braces = 0;
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at);
    const letter = rest.charAt(0);
    const set = /^\[([!^]?)([^\]/]+)\]/.exec(rest);
    if (rest.startsWith("**/")) {
      out += "(?:[^/]+/)*";
      at += 2;
    } else if (rest.startsWith("**")) {
      out += ".*";
      at += 1;
    } else if (letter === "*") out += "[^/]*";
    else if (letter === "?") out += "[^/]";
    else if (set) {
      out += `[${set[1] ? "^" : ""}${(set[2] ?? "").replace(/[\\^[&]/g, String.raw`\$&`)}]`;
      at += set[0].length - 1;
    } else if (letter === "{" && rest.includes("}")) {
      out += "(?:";
      braces++;
    } else if (letter === "}" && braces > 0) {
      out += ")";
      braces--;
    } else if (letter === "," && braces > 0) out += "|";
    else out += letter.replace(/[\\^$.|+()[\]{}/]/, String.raw`\$&`);
  }
  return out + ")".repeat(braces);
}
