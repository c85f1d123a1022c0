/** Part of every work's identity: results of another engine are made anew. Equals the package's version (held by a test). */
export const engineVersion = "0.1.0";
