# Regenerates what is generated: the lists of options, RcppExports, NAMESPACE and the man pages. Run from the
# package's root. Pages are made with the installed package, so it must know options that are new.
options_tool <- new.env()
sys.source("tools/options.R", options_tool)
changed <- options_tool$write_option_files()
Rcpp::compileAttributes(pkgdir = ".")
if (length(changed) > 0L) {
  message("Made anew: ", toString(changed), ". Install the package (R CMD INSTALL .), then run this once more.")
  quit(status = 1L)
}
roxygen2::roxygenise(package.dir = ".", load_code = roxygen2::load_installed)
