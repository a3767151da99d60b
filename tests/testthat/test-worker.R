# Methods hand their arguments to the worker by name.

test_that("call_worker() passes what the caller has, and leaves out what its user left out", {
  worker <- function(object, a, b = 2, c = 3, ...) list(object = object, a = if (missing(a)) "none" else a, b = b,
    c = c, more = list(...))
  method <- function(object, a, b = 2, c = 3, store.as = "x", ...) call_worker(worker, object = "matrix", c = 30, ...)
  expect_identical(method("seurat"), list(object = "matrix", a = "none", b = 2, c = 30, more = list()))
  expect_identical(method("seurat", quote(f(x)), b = NULL)[c("a", "b")], list(a = quote(f(x)), b = NULL))
  expect_identical(method("seurat", z = 1)$more, list(z = 1))
})

test_that("methods for objects have the arguments of their worker, with the same defaults", {
  space <- asNamespace("fatefield")
  generics <- Filter(function(name) {
    is.function(get(name, space)) && exists(paste0(name, ".default"), space, inherits = FALSE) &&
      exists(paste0(name, ".Seurat"), space, inherits = FALSE)
  }, getNamespaceExports(space))
  expect_gt(length(generics), 20L)
  for (name in generics) {
    worker <- formals(get(paste0(name, ".default"), space))
    method <- formals(get(paste0(name, ".Seurat"), space))
    shared <- setdiff(intersect(names(worker), names(method)), c("object", "x", "..."))
    # A matrix may need what an object can look up itself.
    shared <- shared[!vapply(worker[shared], is_empty_name, logical(1))]
    expect_identical(method[shared], worker[shared], info = name)
    expect_identical(formals(get(paste0(name, ".SingleCellExperiment"), space)), as.pairlist(method), info = name)
  }
})
