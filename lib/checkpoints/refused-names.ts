/**
 * Names that act when they are called: run programs, import code, read and write files, open connections. Nothing is
 * ever called here; a file with such a name is refused as a whole all the same, because no training run leaves them
 * behind and the person should know what they were given.
 */
export function actsWhenCalled(module: string, name: string): boolean {
  const [root = ""] = module.split(".");
  const harmless = harmlessNames.get(module);
  if (root === "builtins" || harmless?.has(name)) return !harmless?.has(name);
  // Since protocol 4 a name may lead through other modules: "torch" and "os.system".
  const parts = name.split(".");
  return (
    actingModules.has(root) ||
    (parts.length > 1 && parts.some((part) => actingModules.has(part))) ||
    parts.some((part) => actingNames.has(part)) ||
    actingPrefixes.some((prefix) => `${module}.${name}.`.startsWith(`${prefix}.`))
  );
}

const words = (text: string): Set<string> => new Set(text.trim().split(/\s+/));

/** Of modules that act, what plain data is made of: paths in settings, partial functions in schedules. */
const harmlessNames: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["builtins", words("bool bytearray bytes complex dict float frozenset int list object range set slice str tuple")],
  ["pathlib", words("Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath")],
  ["functools", words("partial")],
  ["types", words("SimpleNamespace")],
  ["copyreg", words("_reconstructor __newobj__ __newobj_ex__")],
]);

const actingModules = words(`
  os posix nt posixpath ntpath sys subprocess _posixsubprocess shutil pathlib tempfile glob fileinput io _io pty
  socket _socket ssl select asyncio multiprocessing _multiprocessing threading _thread signal mmap
  importlib _frozen_importlib imp pkgutil runpy zipimport site pip setuptools distutils ensurepip venv
  code codeop types inspect dis marshal pickle _pickle cPickle cloudpickle dill joblib shelve copyreg ctypes _ctypes
  cffi gc atexit bdb pdb cProfile timeit webbrowser operator _operator functools _functools sysconfig commands
  urllib urllib2 http ftplib smtplib telnetlib xmlrpc socketserver requests aiohttp httpx
`);

const actingNames = words(`
  system popen spawn execv execve eval exec execfile compile __import__ import_module getattr setattr delattr
  __getattribute__ __globals__ __builtins__ __subclasses__ __reduce__ __code__ runstring load_module
`);

const actingPrefixes = [
  "torch.hub",
  "torch.load",
  "torch.jit",
  "torch.package",
  "torch.serialization.load",
  "torch.utils.cpp_extension",
  "torch.utils.collect_env",
  "torch.utils.model_zoo",
  "numpy.load",
  "numpy.f2py",
  "numpy.testing",
  "numpy.distutils",
  "pandas.read_pickle",
  "pandas.eval",
];
