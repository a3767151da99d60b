# Velocities of the dynamical model: the kinetics of each gene, fitted by the core. Takes what velocity_of_pair() has
# prepared; gives list(velocity (genes x cells), genes (data.frame), fit_t (fitted genes x cells), u (as velocity, or
# NULL)).
velocity_dynamical <- function(prepared) {
  options <- prepared$options
  if (options$fit.offset) {
    stop_input("fit.offset", "`fit.offset` is for mode \"deterministic\" only: the dynamical model starts from ",
      "nothing.")
  }
  line <- choose_dynamical_genes(
    prepared$spliced, prepared$unspliced, prepared$how, prepared$genes, prepared$known, prepared$allowed, options,
    thread_count()
  )
  fit <- which(line$chosen | (prepared$named & !prepared$parity))
  if (length(fit) == 0L) {
    stop_input(
      "mode", "`mode`: the kinetics of no gene can be fitted, as in none unspliced counts follow spliced ones. Are ",
      "the two layers the right ones? Genes named by `genes` are fitted in any case."
    )
  }
  tick <- progress_bar(length(fit), "Kinetics of genes", prepared$verbose)
  found <- fit_dynamical(
    prepared$spliced, prepared$unspliced, prepared$how, prepared$genes, prepared$known, fit, line$r2,
    list(prepared$names, colnames(prepared$spliced)), c("t", if (prepared$velocity.u) "u"), prepared$parity, options,
    tick, thread_count()
  )
  genes <- data.frame(
    fit_r2 = line$r2, found$genes, velocity_genes = found$velocity_genes, row.names = prepared$names
  )
  fitted <- genes$fit_status == "fitted"
  say_dynamical(genes, fitted, prepared)
  list(velocity = found$velocity, genes = genes, fit_t = found$t[fitted, , drop = FALSE], u = found$u)
}

# What became of the genes, and a warning where little did.
say_dynamical <- function(genes, fitted, prepared) {
  if (sum(genes$velocity_genes) < 2L) {
    rlang::warn(
      paste0(
        "Of ", sum(fitted), " genes with fitted kinetics ", sum(genes$velocity_genes), " can be used for velocities: ",
        "likelihood above ", prepared$options$min.likelihood, ", r2 above ", prepared$options$min.r2, ", and a ",
        "scaling like that of others. Try the mode \"stochastic\"."
      ),
      class = "fatefield_warning_velocity_genes"
    )
  }
  if (!prepared$verbose) {
    return(invisible())
  }
  failed <- genes$fit_status[!fitted & genes$fit_status != "not asked for"]
  reasons <- table(failed)
  message(
    "Kinetics: ", sum(fitted), " genes are fitted",
    if (!prepared$parity) paste0(", ", sum(genes$fit_converged), " of them to convergence"),
    if (length(failed) > 0L) paste0("; not fitted: ", paste0(reasons, " (", names(reasons), ")", collapse = ", ")), "."
  )
}
