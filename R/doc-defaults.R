# Defaults as help pages print them, so that each stands once, in the engine. Takes a group of options and the
# name of one; gives Markdown for inline code in roxygen comments.

# The groups and what the engine's defaults of each are called with.
default_groups <- function() {
  list(
    sinkhorn = sinkhorn_defaults, sliced = sliced_call_defaults, sde = sde_defaults, train = train_defaults,
    field = function(compat) field_defaults("vae", compat), vfc = vfc_defaults, integrate = integrate_defaults,
    velocity = velocity_defaults, dynamical = dynamical_defaults, latent.time = latent_time_defaults,
    velocity.graph = velocity_graph_defaults, transition = transition_defaults, terminal = terminal_defaults,
    pseudotime = pseudotime_defaults, stream = stream_defaults, label = label_defaults, fate = fate_defaults,
    plan = plan_defaults, kernel = kernel_defaults, macrostate = macrostate_defaults, absorption = absorption_defaults,
    knn = knn_defaults, network = network_defaults, leiden = leiden_defaults, criticality = criticality_defaults,
    lyapunov = lyapunov_defaults, two.branch = two_branch_defaults, differentiation = differentiation_defaults
  )
}

# A list of the defaults of a group. `compat`: whose published settings, for groups that know some.
engine_defaults <- function(group, compat = "none") {
  ask <- default_groups()[[group]]
  if (is.null(ask)) stop("There is no group of options called ", group, ".")
  if (length(formals(ask)) > 0L) ask(compat) else ask()
}

# The value, as in `default 0.1`. An unknown name stops: a page must not be made without it.
doc_default <- function(group, name, compat = "none") {
  options <- engine_defaults(group, compat)
  if (!name %in% names(options)) stop("The options ", group, " have none called ", name, ".")
  shown <- doc_value(options[[name]])
  if (is.numeric(options[[name]]) && length(options[[name]]) == 1L) shown else paste0("`", shown, "`")
}

# The published settings that a group knows, by the name that `compat` takes.
published_settings <- c(sde = "scdiffeq", train = "scdiffeq", field = "deepvelo")

# A sentence: the default, and the published one where it differs.
doc_defaults <- function(group, name) {
  default <- doc_default(group, name)
  compat <- if (group %in% names(published_settings)) published_settings[[group]] else "none"
  published <- doc_default(group, name, compat)
  if (name == "compat" || identical(published, default)) {
    return(paste0("Default ", default, "."))
  }
  paste0("Default ", default, "; ", published, " under `compat = \"", compat, "\"`.")
}

# Name and value, as in `blur = 0.1`.
doc_option <- function(group, name, compat = "none") {
  shown <- gsub("`", "", doc_default(group, name, compat), fixed = TRUE)
  paste0("`", name, " = ", shown, "`")
}

# A value as a user would write it.
doc_value <- function(x) {
  if (length(x) != 1L) {
    return(if (length(x) == 0L) "integer(0)" else paste0("c(", paste(vapply(x, doc_value, ""), collapse = ", "), ")"))
  }
  if (is.character(x)) {
    return(paste0("\"", x, "\""))
  }
  if (is.logical(x) || x == 0 || !is.finite(x)) {
    return(as.character(x))
  }
  if (nchar(format(x, digits = 15L)) > 8L && abs(1 / x - round(1 / x)) < 1e-9) {
    return(paste0("1/", round(1 / x)))
  }
  exponent <- abs(x) < 1e-4 || abs(x) >= 1e6
  sub("e-0*", "e-", sub("e\\+0*", "e", format(x, digits = 15L, scientific = exponent)))
}

# One sentence of several things: a, b and c.
doc_list <- function(shown) {
  n <- length(shown)
  if (n < 2L) shown else paste(paste(shown[-n], collapse = ", "), "and", shown[[n]])
}

doc_names <- function(x) doc_list(paste0("`\"", x, "\"`"))

# The solvers of an equation, "Ito" or "Stratonovich".
doc_sde_solvers <- function(equation) {
  solvers <- sde_solver_table()
  doc_names(solvers$name[solvers$equation == equation])
}

# A table of all solvers with their strong orders.
doc_sde_orders <- function() {
  solvers <- sde_solver_table()
  kinds <- setdiff(names(solvers), c("name", "equation"))
  orders <- vapply(solvers[kinds], function(x) ifelse(is.na(x), "-", format(x)), character(nrow(solvers)))
  rows <- cbind(paste0("`\"", solvers$name, "\"`"), solvers$equation, orders)
  rows <- rbind(c("solver", "equation", kinds), rep("---", ncol(rows)), rows)
  paste0("| ", apply(rows, 1L, paste, collapse = " | "), " |", collapse = "\n")
}

# The kinds of velocity fields, and a list of what they are.
doc_field_kinds <- function() doc_names(field_kinds())

doc_field_table <- function() {
  kinds <- field_kind_table()
  default <- ifelse(kinds$name == field_defaults("vae", "none")$field, " (default)", "")
  paste0("* `\"", kinds$name, "\"`", default, ": ", kinds$about, ".", collapse = "\n")
}

# The solvers of integrations that choose their steps by the error, or do not, with their other names.
doc_integrate_solvers <- function(adaptive) {
  solvers <- integrate_solver_table()
  shown <- vapply(which(solvers$adaptive == adaptive), function(i) {
    also <- solvers$also[[i]]
    more <- if (length(also) > 0L) paste0(", also ", doc_names(also))
    paste0("`\"", solvers$name[[i]], "\"` (order ", solvers$order[[i]], more, ")")
  }, "")
  doc_list(shown)
}
