import eslint from "@eslint/js";
import pulumi from "@pulumi/eslint-plugin";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import node from "eslint-plugin-n";
import tseslint from "typescript-eslint";
import manifest from "./package.json" with { type: "json" };

// Everything left of the platform is pure: plain values in, plain values out (docs/architecture.md).
const pure = [
  "core/**/*.ts",
  "topology/**/*.ts",
  "services/**/*.ts",
  "roles/**/*.ts",
  "cloudinit/**/*.ts",
  "platforms/**/{schema,traits}.ts",
  "config/{schema,policy}.ts",
  "review/**/*.ts",
];

// The floors of the house, from the ground. A folder imports from those before it, and from itself.
const floors = [
  "core",
  "topology",
  "services",
  "roles",
  "cloudinit",
  "provider",
  "language",
  "platforms",
  "config",
  "review",
  "policy",
  "components",
  "operations",
  "cli",
];
const zones = floors.flatMap((target, index) =>
  floors
    .slice(index + 1)
    .map((from) => ({ target: `./${target}`, from: `./${from}`, message: `${from}/ stands above ${target}/.` })),
);

/** Refuses what a version of Node does not have yet. The compiler knows the language's part of it (`lib`), and not Node's own. */
const noNewerThan = (version, files, ignores = []) => ({
  files,
  ignores,
  plugins: { n: node },
  rules: {
    "n/no-unsupported-features/es-builtins": ["error", { version }],
    "n/no-unsupported-features/node-builtins": ["error", { version, allowExperimental: true }],
  },
});

export default tseslint.config(
  { ignores: ["node_modules/", "app/dist/", "dist/", "tests/golden/", "host/"] },
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "@pulumi": pulumi, "import-x": importX },
    settings: { "import-x/resolver-next": [createNodeResolver({ extensions: [".ts", ".js", ".json"] })] },
    rules: {
      curly: "error",
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": ["error", { basePath: import.meta.dirname, zones }],
      "@pulumi/no-output-in-template-literal": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
    },
  },
  {
    files: pure,
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["@pulumi/*"],
              message: "This folder is pure: plain values in, plain values out. Pulumi begins in components/.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["operations/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["@pulumi/*", "commander", "log-update"],
              message: "Operations know neither Pulumi nor a terminal.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["tests/**/*.ts"],
    rules: {
      // An element that is not there fails the test either way.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  // Tests and tools run on the Node that comes with the dependencies.
  noNewerThan(manifest.engines.node, ["**/*.{ts,cjs,mjs}"], ["app/**", "tests/**", "docs/**", "eslint.config.mjs"]),
  // Debian 13's Node, on hosts.
  noNewerThan(">=20.19.2", ["app/src/**/*.ts"]),
  {
    files: ["**/*.cjs"],
    languageOptions: {
      sourceType: "commonjs",
      globals: { __dirname: "readonly", module: "writable", process: "readonly", require: "readonly" },
    },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { globals: { console: "readonly", process: "readonly", URL: "readonly" } },
  },
);
