"""The LangGraph graph that takes one incident from intake to its end, and the reasoning it rests on."""
