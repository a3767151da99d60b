# Regenerates what is generated: RcppExports, NAMESPACE and the man pages. Run from the package's root.
Rcpp::compileAttributes(pkgdir = ".")
roxygen2::roxygenise(package.dir = ".", load_code = roxygen2::load_installed)
